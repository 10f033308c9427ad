//! `requestContext` of events, taken from the tree that templates see as `$context`.
//!
//! The tree holds more than events show, and lacks what is unknown, which events show as `null`.

use serde_json::{Map, Value};

/// Always there.
const NAMES: [&str; 16] = [
    "accountId",
    "apiId",
    "authorizer",
    "deploymentId",
    "domainName",
    "domainPrefix",
    "extendedRequestId",
    "httpMethod",
    "identity",
    "path",
    "protocol",
    "requestId",
    "requestTime",
    "requestTimeEpoch",
    "resourceId",
    "resourcePath",
];
/// There if known; among [`NAMES`], that holds for `authorizer`.
const OPTIONAL: [&str; 3] = ["stage", "operationName", "customDomain"];
/// Of `identity`; always there.
const IDENTITY: [&str; 12] = [
    "accessKey",
    "accountId",
    "caller",
    "cognitoAuthenticationProvider",
    "cognitoAuthenticationType",
    "cognitoIdentityId",
    "cognitoIdentityPoolId",
    "principalOrgId",
    "sourceIp",
    "user",
    "userAgent",
    "userArn",
];
/// Of `identity`; there if known.
const IDENTITY_OPTIONAL: [&str; 5] = ["apiKey", "apiKeyId", "clientCert", "vpcId", "vpceId"];

/// `requestContext` from the `$context` tree.
pub(super) fn request_context(context: &Value) -> Value {
    let mut picked = Map::new();
    for name in NAMES {
        let found = context.get(name);
        let value = match (name, found) {
            ("identity", _) => identity(found.unwrap_or(&Value::Null)),
            ("authorizer", None | Some(Value::Null)) => continue,
            (_, found) => found.cloned().unwrap_or(Value::Null),
        };
        picked.insert(name.to_owned(), value);
    }
    copy_known(context, &OPTIONAL, &mut picked);
    Value::Object(picked)
}

fn identity(tree: &Value) -> Value {
    let mut picked = Map::new();
    for name in IDENTITY {
        let value = tree.get(name).cloned().unwrap_or(Value::Null);
        picked.insert(name.to_owned(), value);
    }
    copy_known(tree, &IDENTITY_OPTIONAL, &mut picked);
    Value::Object(picked)
}

fn copy_known(tree: &Value, names: &[&str], to: &mut Map<String, Value>) {
    for name in names {
        if let Some(value) = tree.get(*name).filter(|value| !value.is_null()) {
            to.insert((*name).to_owned(), value.clone());
        }
    }
}
