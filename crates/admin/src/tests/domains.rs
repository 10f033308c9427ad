//! Custom domains and their mappings.

use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use super::{
    Bench,
    v2::{api, fields},
};

/// Imports a self-signed certificate; its ARN.
async fn imported(bench: &Bench, name: &str) -> String {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let chain = params.self_signed(&key).unwrap().pem();
    let body = json!({"certificate": chain, "privateKey": key.serialize_pem()});
    let made = bench
        .expect(201, "POST", "/edgeway/v1/certificates", body)
        .await;
    made.text("certificateArn").to_owned()
}

fn new(name: &str, arn: &str) -> Value {
    let configuration =
        json!({"certificateArn": arn, "endpointType": "REGIONAL", "securityPolicy": "TLS_1_2"});
    json!({"domainName": name, "domainNameConfigurations": [configuration]})
}

const DOMAIN: &str = "/v2/domainnames/api.x.test";

#[tokio::test]
async fn a_domain_is_made_with_a_certificate_that_covers_it() {
    let bench = Bench::new();
    let arn = imported(&bench, "*.x.test").await;
    assert!(
        arn.starts_with("arn:aws:acm:eu-west-1:000000000000:certificate/"),
        "{arn}"
    );
    let made = bench
        .expect(201, "POST", "/v2/domainnames", new("API.x.test", &arn))
        .await;
    let shown = &made.body["domainNameConfigurations"][0];
    let target = shown["apiGatewayDomainName"].as_str().unwrap();
    assert!(target.starts_with("d-") && target.ends_with(".execute-api.eu-west-1.edgeway.test"));
    let configuration = json!({
        "apiGatewayDomainName": target, "certificateArn": arn, "domainNameStatus": "AVAILABLE",
        "endpointType": "REGIONAL", "hostedZoneId": shown["hostedZoneId"],
        "ipAddressType": "ipv4", "securityPolicy": "TLS_1_2",
    });
    let wanted = json!({
        "apiMappingSelectionExpression": "$request.basepath", "domainName": "api.x.test",
        "domainNameArn": "arn:aws:apigateway:eu-west-1::/domainnames/api.x.test",
        "domainNameConfigurations": [configuration], "routingMode": "API_MAPPING_ONLY",
        "tags": {},
    });
    assert_eq!(made.body, wanted);
    assert_eq!(
        bench.expect(200, "GET", DOMAIN, Value::Null).await.body,
        wanted
    );
    let patch = json!({"domainNameConfigurations": [{"ipAddressType": "dualstack"}]});
    let altered = bench.expect(200, "PATCH", DOMAIN, patch).await;
    assert_eq!(
        altered.body["domainNameConfigurations"][0]["ipAddressType"],
        "dualstack"
    );
    bench.expect(204, "DELETE", DOMAIN, Value::Null).await;
    bench
        .refused(
            ("NotFoundException", "domain name"),
            "GET",
            DOMAIN,
            Value::Null,
        )
        .await;
}

#[tokio::test]
async fn the_tag_decides_where_a_domain_is_reached() {
    let bench = Bench::new();
    let arn = imported(&bench, "*.x.test").await;
    let endpoint =
        |bench: &Bench| bench.world.machine.lock().unwrap().config().domains["api.x.test"].endpoint;
    let mut body = new("api.x.test", &arn);
    body["tags"] = json!({"edgeway:endpointType": "EDGE"});
    let made = bench
        .expect(201, "POST", "/v2/domainnames", body.clone())
        .await;
    assert_eq!(endpoint(&bench), model::EndpointType::Edge);
    let shown = &made.body["domainNameConfigurations"][0]["endpointType"];
    assert_eq!(shown, "REGIONAL", "shown as it was sent");
    bench.expect(200, "PATCH", DOMAIN, body).await;
    assert_eq!(endpoint(&bench), model::EndpointType::Edge);
}

#[tokio::test]
async fn security_policies_are_taken_and_given_back_by_name() {
    let bench = Bench::new();
    let arn = imported(&bench, "*.x.test").await;
    let mut body = new("api.x.test", &arn);
    body["domainNameConfigurations"][0]["securityPolicy"] = json!("TLS_1_0");
    let made = bench.expect(201, "POST", "/v2/domainnames", body).await;
    let shown = &made.body["domainNameConfigurations"][0];
    assert_eq!(shown["securityPolicy"], "TLS_1_0");
    let told = shown["domainNameStatusMessage"].as_str().unwrap();
    assert!(told.contains("as if its policy were TLS_1_2"), "{told}");
    for policy in model::SecurityPolicy::ALL {
        let patch = json!({"domainNameConfigurations": [{"securityPolicy": policy.as_str()}]});
        let altered = bench.expect(200, "PATCH", DOMAIN, patch).await;
        let shown = &altered.body["domainNameConfigurations"][0]["securityPolicy"];
        assert_eq!(*shown, policy.as_str());
    }
    let patch = json!({"domainNameConfigurations": [{"ipAddressType": "dualstack"}]});
    let kept = bench.expect(200, "PATCH", DOMAIN, patch).await;
    let shown = &kept.body["domainNameConfigurations"][0]["securityPolicy"];
    assert_eq!(shown, "SecurityPolicy_TLS12_2018_EDGE", "kept");
    let unknown = json!({"domainNameConfigurations": [{"securityPolicy": "TLS_1_1"}]});
    let error = ("BadRequestException", "enum value set: [TLS_1_0, TLS_1_2,");
    bench.refused(error, "PATCH", DOMAIN, unknown).await;
}

#[tokio::test]
async fn domains_that_cannot_be_served_are_refused() {
    let bench = Bench::new();
    let arn = imported(&bench, "*.x.test").await;
    bench
        .expect(201, "POST", "/v2/domainnames", new("api.x.test", &arn))
        .await;
    for (code, text, body) in [
        (
            "ConflictException",
            "already exists",
            new("api.x.test", &arn),
        ),
        (
            "BadRequestException",
            "does not exist",
            new("b.x.test", "arn:aws:acm:::certificate/0"),
        ),
        (
            "BadRequestException",
            "not valid for",
            new("b.y.test", &arn),
        ),
        (
            "BadRequestException",
            "Invalid domain name",
            new("nodots", &arn),
        ),
        (
            "BadRequestException",
            "gives out itself",
            new("a.execute-api.r.edgeway.test", &arn),
        ),
        (
            "BadRequestException",
            "must hold one",
            json!({"domainName": "b.x.test"}),
        ),
    ] {
        bench
            .refused((code, text), "POST", "/v2/domainnames", body)
            .await;
    }
}

#[tokio::test]
async fn mappings_lead_to_stages() {
    let bench = Bench::new();
    let arn = imported(&bench, "*.x.test").await;
    bench
        .expect(201, "POST", "/v2/domainnames", new("api.x.test", &arn))
        .await;
    let body = json!({"name": "q", "protocolType": "HTTP", "target": "http://b.test"});
    let id = api(&bench, body).await;
    let mappings = format!("{DOMAIN}/apimappings");
    let body = json!({"apiId": id, "stage": "$default", "apiMappingKey": "v1/pets"});
    let mapping = bench.expect(201, "POST", &mappings, body.clone()).await;
    assert_eq!(
        fields(&mapping.body),
        ["apiId", "apiMappingId", "apiMappingKey", "stage"]
    );
    let twice = json!({"apiId": id, "stage": "$default", "apiMappingKey": "a//b"});
    for (code, text, body) in [
        ("ConflictException", "already exists", body),
        (
            "NotFoundException",
            "stage",
            json!({"apiId": id, "stage": "none"}),
        ),
        (
            "NotFoundException",
            "API",
            json!({"apiId": "none", "stage": "none"}),
        ),
        ("BadRequestException", "consecutive", twice),
    ] {
        bench.refused((code, text), "POST", &mappings, body).await;
    }
    let one = format!("{mappings}/{}", mapping.text("apiMappingId"));
    let altered = bench
        .expect(200, "PATCH", &one, json!({"apiMappingKey": ""}))
        .await;
    assert_eq!(altered.text("apiMappingKey"), "");
    let used = ("BadRequestException", "mapping");
    bench
        .refused(used, "DELETE", &format!("/v2/apis/{id}"), Value::Null)
        .await;
    bench.expect(204, "DELETE", &one, Value::Null).await;
    bench
        .refused(
            ("NotFoundException", "api mapping"),
            "GET",
            &one,
            Value::Null,
        )
        .await;
}

/// What a policy about managing a domain denies, nobody does; what it does not mention, its own
/// account may.
#[tokio::test]
async fn a_management_policy_can_deny_associations() {
    let bench = Bench::new();
    let arn = imported(&bench, "*.x.test").await;
    let policy = |effect: &str, action: &str| {
        let statement = json!({"Effect": effect, "Principal": "*", "Action": action,
                               "Resource": "*"});
        json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
    };
    let associate = "apigateway:CreateAccessAssociation";
    for (at, (policy, allowed)) in [
        (policy("Allow", associate), true),
        (policy("Deny", "apigateway:Other"), true),
        (policy("Deny", associate), false),
        (policy("Deny", "*"), false),
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({"domainName": format!("p{at}.x.test"), "certificateArn": arn,
            "endpointConfiguration": {"types": ["PRIVATE"]}, "managementPolicy": policy});
        let made = bench.expect(201, "POST", "/domainnames", body).await;
        // Of v1, the policy comes by an update.
        let path = format!(
            "/domainnames/p{at}.x.test?domainNameId={}",
            made.text("domainNameId")
        );
        let patch = json!({"patchOperations": [
            {"op": "replace", "path": "/managementPolicy", "value": policy}]});
        bench.expect(200, "PATCH", &path, patch).await;
        let body = json!({"domainNameArn": made.text("domainNameArn"),
            "accessAssociationSourceType": "VPCE", "accessAssociationSource": "vpce-012345678"});
        let path = "/domainnameaccessassociations";
        if allowed {
            bench.expect(201, "POST", path, body).await;
        } else {
            let refused = ("AccessDeniedException", "explicit deny");
            bench.refused(refused, "POST", path, body).await;
        }
    }
}
