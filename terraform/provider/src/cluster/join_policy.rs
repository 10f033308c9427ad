//! Join policies: machines become nodes by what their cloud or an issuer says of them.

use async_trait::async_trait;
use http::Method;
use serde_json::{Map, Value as Json, json};

use super::{found, text, token::ROLES};
use crate::{
    cty::{Value, from_json, to_json},
    framework::{Attribute, Call, Check, Failure, Nesting, Note, Path, Resource, Schema},
};

/// As the management API has them: what is written here, and there.
const AWS: &[(&str, &str)] = &[
    ("certificates", "certificates"),
    ("account_ids", "accountIds"),
    ("regions", "regions"),
    ("availability_zones", "availabilityZones"),
    ("image_ids", "imageIds"),
    ("instance_types", "instanceTypes"),
    ("max_age_seconds", "maxAgeSeconds"),
];
const OIDC: &[(&str, &str)] = &[
    ("issuer", "issuer"),
    ("audiences", "audiences"),
    ("claims", "claims"),
    ("jwks_uri", "jwksUri"),
    ("jwks", "jwks"),
    ("once_by", "onceBy"),
];
const AGE_S_MAX: i64 = 31_536_000;

pub(super) struct JoinPolicy;

fn aws_iid() -> Attribute {
    Attribute::nested(
        "aws_iid",
        Nesting::Single,
        "EC2 instances, by the identity document that AWS signs. Sets that are left out ask for \
         nothing.",
        [
            Attribute::text(
                "certificates",
                "AWS's certificates for RSA-2048 signatures of the regions' documents, PEM: see \
                 Amazon's documentation of instance identity documents.",
            )
            .required()
            .same(same_pem),
            Attribute::text_set("account_ids", "Accounts of AWS.").required(),
            Attribute::text_set("regions", "Regions of AWS."),
            Attribute::text_set("availability_zones", "Availability zones."),
            Attribute::text_set("image_ids", "Images."),
            Attribute::text_set("instance_types", "Kinds of instance."),
            Attribute::number("max_age_seconds", "Seconds since the instance was started.")
                .or(900_i64)
                .check(Check::Range(1, AGE_S_MAX)),
        ],
    )
}

fn oidc() -> Attribute {
    let values = crate::cty::Type::set(crate::cty::Type::String);
    Attribute::nested(
        "oidc",
        Nesting::Single,
        "Machines with a token of an issuer: of Google's or Azure's metadata service, or of a \
         Kubernetes service account.",
        [
            Attribute::text("issuer", "The token's `iss`.").required(),
            Attribute::text_set(
                "audiences",
                "One must be in its `aud`; the cluster's name unless given.",
            )
            .or_computed(),
            Attribute::new(
                "claims",
                crate::cty::Type::map(values),
                "Claims with the values that each may have; a name that begins with `/` is a JSON \
                 pointer, such as `/kubernetes.io/namespace`. At least one.",
            )
            .required(),
            Attribute::text(
                "jwks_uri",
                "Where the issuer's keys are; its discovery document says so unless given.",
            ),
            Attribute::text("jwks", "The issuer's keys themselves: nothing is fetched."),
            Attribute::text(
                "once_by",
                "The claim of which each value admits one node; each token does unless given.",
            ),
        ],
    )
}

/// Lines of a PEM file may be of any length.
fn same_pem(one: &Value, other: &Value) -> bool {
    let bare = |value: &Value| {
        let text = value.as_text().unwrap_or_default();
        let mut inside = false;
        let mut bare = String::new();
        for line in text.lines().map(str::trim) {
            match line {
                "-----BEGIN CERTIFICATE-----" => inside = true,
                "-----END CERTIFICATE-----" => {
                    inside = false;
                    bare.push('.');
                }
                line if inside => bare.push_str(line),
                _ => {}
            }
        }
        bare
    };
    bare(one) == bare(other)
}

fn path(value: &Value) -> String {
    let name = value.text("name").unwrap_or_default();
    format!("/edgeway/v1/join-policies/{name}")
}

fn body(planned: &Value) -> Json {
    let mut body = json!({ "role": planned.text("role") });
    if let Some(place) = planned.text("place") {
        body["place"] = place.into();
    }
    for (name, there, fields) in [("aws_iid", "awsIid", AWS), ("oidc", "oidc", OIDC)] {
        let proof = planned.attribute(name);
        if proof.is_set() {
            let set = fields
                .iter()
                .map(|(here, there)| (there, proof.attribute(here)));
            let set = set.filter(|(_, value)| value.is_set() && value.is_known());
            let set: Map<String, Json> = set
                .map(|(there, value)| ((*there).to_owned(), to_json(value)))
                .collect();
            body[there] = Json::Object(set);
        }
    }
    body
}

/// What the management API says, under the names that are written here.
fn state(answer: &Json) -> Value {
    let schema = JoinPolicy.schema();
    let mut renamed = answer.clone();
    for (name, there, fields) in [("aws_iid", "awsIid", AWS), ("oidc", "oidc", OIDC)] {
        let proof = answer.get(there).and_then(Json::as_object);
        let proof = proof.map(|proof| {
            let set = fields
                .iter()
                .filter_map(|(here, there)| Some(((*here).to_owned(), proof.get(*there)?.clone())));
            Json::Object(set.collect())
        });
        renamed[name] = proof.unwrap_or_default();
    }
    let place = answer.get("place").and_then(Json::as_str);
    from_json(&renamed, &schema.ty())
        .with("id", text(answer, "name"))
        .with("place", place.filter(|place| !place.is_empty()))
        .with("ca_sha256", text(answer, "caSha256"))
}

async fn put(call: &mut Call<'_>, planned: &Value) -> Result<Value, Failure> {
    let client = call.session.client()?;
    let written = client
        .send(Method::PUT, &path(planned), Some(&body(planned)))
        .await;
    let written = written.map_err(|error| error.note("put the join policy"))?;
    let answer = call.session.settle(planned, written).await?;
    Ok(state(&answer))
}

#[async_trait]
impl Resource for JoinPolicy {
    fn name(&self) -> &'static str {
        "edgeway_join_policy"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "Who becomes a node without a token: machines that prove what they are, in one of two \
             ways. Nothing secret has to be brought to them; what proofs are worth is in \
             docs/operations/identity.md.",
        )
        .with(Attribute::id("The name."))
        .with(
            Attribute::text("name", "Nodes' settings name it (`join.policy`).")
                .required()
                .replaces(),
        )
        .with(
            Attribute::text("role", "What a machine becomes.")
                .required()
                .check(Check::OneOf(ROLES)),
        )
        .with(Attribute::text(
            "place",
            "The region's, POP's or connector's name; none for `dns`.",
        ))
        .with(aws_iid())
        .with(oidc())
        .with(
            Attribute::text("ca_sha256", "For nodes' settings (`join.ca_sha256`).")
                .computed()
                .stable(),
        )
        .with(Attribute::text_list("regions", "For nodes' settings (`join.regions`).").computed())
    }

    fn validate(&self, config: &Value) -> Vec<Note> {
        let mut notes = Vec::new();
        let (aws, oidc) = (config.attribute("aws_iid"), config.attribute("oidc"));
        if aws.is_null() == oidc.is_null() && aws.is_known() && oidc.is_known() {
            let detail = "Give exactly one of aws_iid and oidc.";
            notes.push(Note::error("Not one proof", detail).at(Path::of("aws_iid")));
        }
        let (role, place) = (config.attribute("role"), config.attribute("place"));
        let is_dns = role.as_text() == Some("dns");
        if role.is_known() && place.is_known() && is_dns != place.is_null() {
            let detail = "DNS nodes belong to no place, all others to one.";
            let note = Note::error("The place does not fit the role", detail);
            notes.push(note.at(Path::of("place")));
        }
        notes
    }

    async fn create(
        &self,
        call: &mut Call<'_>,
        planned: &Value,
        _: &Value,
    ) -> Result<Value, Failure> {
        put(call, planned).await
    }

    async fn read(&self, call: &mut Call<'_>, known: &Value) -> Result<Option<Value>, Failure> {
        let answer = call.session.client()?.find(&path(known)).await;
        let answer = answer.map(|policy| policy.map(|policy| state(&policy)));
        Ok(found(call, known, answer, "read the join policy")?)
    }

    async fn update(
        &self,
        call: &mut Call<'_>,
        _: &Value,
        planned: &Value,
        _: &Value,
    ) -> Result<Value, Failure> {
        put(call, planned).await
    }

    async fn delete(&self, call: &mut Call<'_>, state: &Value) -> Result<(), Failure> {
        let removed = call.session.client()?.remove(&path(state)).await;
        removed.map_err(|error| error.note("remove the join policy").into())
    }

    async fn import(&self, _: &mut Call<'_>, id: &str) -> Result<Value, Failure> {
        Ok(Value::object().with("id", id).with("name", id))
    }

    fn import_form(&self) -> &'static str {
        "NAME"
    }
}

#[cfg(test)]
mod tests {
    use super::same_pem;

    #[test]
    fn certificates_are_the_same_however_they_are_broken_into_lines() {
        let check = |one: &str, other: &str, expected: bool| {
            assert_eq!(same_pem(&one.into(), &other.into()), expected, "{one}");
        };
        let one = "-----BEGIN CERTIFICATE-----\nAAAA\nBBBB\n-----END CERTIFICATE-----\n";
        let other =
            "frankfurt:\n-----BEGIN CERTIFICATE-----\r\nAAAABBBB\r\n-----END CERTIFICATE-----";
        check(one, other, true);
        check(one, &one.repeat(2), false);
        check(one, &one.replace('B', "C"), false);
    }
}
