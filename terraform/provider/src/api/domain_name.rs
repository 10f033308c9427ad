//! Custom domain names.
//!
//! A region answers with its own name in a domain name's `target` and `arn`. Whichever was answered
//! first is kept for as long as there is that region: otherwise a plan by way of another one would
//! alter the DNS records that point to the target.

use async_trait::async_trait;
use serde_json::{Value as Json, json};

use super::{
    links::keep_region,
    policy::same_policy,
    table::{Field, Make, Piece, Style},
};
use crate::{
    cty::Value,
    framework::{
        Attribute, Call, Check, Failure, Note, Path, Planning, Resource, Schema, json as is_json,
    },
};

pub(super) fn all() -> Vec<Box<dyn Resource>> {
    vec![Box::new(DomainName(piece()))]
}

/// A domain name as a table describes it, with a target that stays.
struct DomainName(Piece);

/// The parts of `LABEL.execute-api.REGION.BASE`: the name without its region, and that.
fn parts(target: &str) -> Option<((&str, &str), &str)> {
    let (label, rest) = target.split_once(".execute-api.")?;
    let (region, base) = rest.split_once('.')?;
    Some(((label, base), region))
}

/// What is taken for the target that a region has answered.
async fn steady(call: &Call<'_>, known: &Value, state: &mut Value) {
    let (old, new) = (known.text("target"), state.text("target"));
    let both = old.and_then(parts).zip(new.and_then(parts));
    let Some(((name, region), (same, _))) = both else {
        return;
    };
    if name != same || old == new {
        return;
    }
    let Ok(client) = call.session.client() else {
        return;
    };
    // Who may not list regions keeps what is known.
    let there = match client.list("/edgeway/v1/regions").await {
        Ok(regions) => regions.iter().any(|one| one["name"] == region),
        Err(_) => true,
    };
    if there {
        state.set("target", known.attribute("target").clone());
    }
}

#[async_trait]
impl Resource for DomainName {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn schema(&self) -> Schema {
        self.0.schema()
    }

    fn validate(&self, config: &Value) -> Vec<Note> {
        let private = config.text("endpoint_type") == Some("PRIVATE");
        let kind = config.attribute("endpoint_type");
        let names = ["policy", "management_policy"].into_iter();
        let lone = names.filter(|name| config.attribute(name).is_set());
        let lone = lone.filter(|_| !private && !kind.is_unknown());
        let detail = "Only private domain names have policies.";
        let note = |name| Note::error("The domain name is not private", detail).at(Path::of(name));
        lone.map(note).collect()
    }

    async fn plan(&self, _call: &mut Call<'_>, plan: Planning<'_>) -> Result<(), Failure> {
        if plan.prior.is_null() {
            return Ok(());
        }
        let private = |state: &Value| state.text("endpoint_type") == Some("PRIVATE");
        let known = plan.planned.attribute("endpoint_type").is_known();
        if known && private(plan.prior) != private(plan.planned) {
            let detail = "A domain name cannot become private or stop being private: make it anew \
                          with `-replace`.";
            let note = Note::error("The domain name has to be replaced", detail);
            return Err(note.at(Path::of("endpoint_type")).into());
        }
        let target = plan.prior.attribute("target").clone();
        let renamed = plan.prior.text("domain_name") != plan.planned.text("domain_name");
        if !renamed {
            plan.planned.set("target", target);
        }
        Ok(())
    }

    async fn create(
        &self,
        call: &mut Call<'_>,
        planned: &Value,
        config: &Value,
    ) -> Result<Value, Failure> {
        self.0.create(call, planned, config).await
    }

    async fn read(&self, call: &mut Call<'_>, state: &Value) -> Result<Option<Value>, Failure> {
        let Some(mut found) = self.0.read(call, state).await? else {
            return Ok(None);
        };
        steady(call, state, &mut found).await;
        Ok(Some(found))
    }

    async fn update(
        &self,
        call: &mut Call<'_>,
        prior: &Value,
        planned: &Value,
        config: &Value,
    ) -> Result<Value, Failure> {
        let mut state = self.0.update(call, prior, planned, config).await?;
        steady(call, prior, &mut state).await;
        Ok(state)
    }

    async fn delete(&self, call: &mut Call<'_>, state: &Value) -> Result<(), Failure> {
        self.0.delete(call, state).await
    }

    async fn import(&self, call: &mut Call<'_>, id: &str) -> Result<Value, Failure> {
        self.0.import(call, id).await
    }

    fn import_form(&self) -> &'static str {
        self.0.import_form()
    }
}

pub(super) fn piece() -> Piece {
    let piece = Piece::new(
        "edgeway_domain_name",
        "domain name",
        "A custom domain name. Point a DNS record at its `target`, and APIs at its paths by \
         `edgeway_base_path_mapping` or `edgeway_api_mapping`.",
    )
    .at(
        "/domainnames/{domain_name}",
        Make::Post("/domainnames"),
        Style::Operations,
    )
    .listed("/domainnames", "domainName", "domain_name")
    .imported_by(&["domain_name"], "DOMAIN_NAME")
    .field(
        Field::plain(
            Attribute::text("domain_name", "The name, in lower case.").required(),
            "domainName",
        )
        .once(),
    )
    .field(Field::plain(
        Attribute::text("certificate_arn", "The certificate that it is served with.").required(),
        "certificateArn",
    ));
    let piece = super::rest_api::endpoint(piece).field(
        Field::plain(
            Attribute::text("security_policy", "The policy of TLS, such as `TLS_1_2`."),
            "securityPolicy",
        )
        .or_computed(),
    );
    served(piece)
}

/// How it is served.
fn served(piece: Piece) -> Piece {
    piece
        .field(
            Field::plain(
                Attribute::text("routing_mode", "What decides which API a request is for.").check(
                    Check::OneOf(&[
                        "BASE_PATH_MAPPING_ONLY",
                        "ROUTING_RULE_ONLY",
                        "ROUTING_RULE_THEN_BASE_PATH_MAPPING",
                    ]),
                ),
                "routingMode",
            )
            .or_computed(),
        )
        .field(Field::plain(
            Attribute::text("target", "What DNS records of the name point to.").computed(),
            "target",
        ))
        .field(Field::plain(
            Attribute::text("arn", "Its ARN.").computed().stable(),
            "domainNameArn",
        ))
        .field(Field::plain(
            Attribute::text(
                "policy",
                "Who may call it, JSON; private domain names only.",
            )
            .check(Check::Text(is_json))
            .same(same_policy),
            "policy",
        ))
        .field(Field::plain(
            Attribute::text(
                "management_policy",
                "Who may associate private endpoints with it, JSON; private domain names only.",
            )
            .check(Check::Text(is_json))
            .same(same_policy),
            "managementPolicy",
        ))
        .fill(|body, planned, _| {
            let regional = planned.text("endpoint_type") == Some("REGIONAL");
            if let Some(fields) = body.as_object_mut() {
                let kind = fields.remove("endpointType").unwrap_or_default();
                let arn = fields.remove("certificateArn").unwrap_or_default();
                let name = arn_field(regional);
                fields.insert(name.to_owned(), arn);
                let endpoint = fields
                    .entry("endpointConfiguration")
                    .or_insert_with(|| json!({}));
                endpoint["types"] = json!([kind]);
            }
        })
        .replace_steps(domain_steps)
        .shape(domain_shape)
        .finish(|state, known| keep_region(state, known, "arn"))
        .tagged("/domainnames/{domain_name}")
        .waits()
}

/// The certificate has another field at regional endpoints.
const fn arn_field(regional: bool) -> &'static str {
    if regional {
        "regionalCertificateArn"
    } else {
        "certificateArn"
    }
}

/// Another endpoint has another field for the certificate.
fn domain_steps(steps: &mut Vec<Json>, prior: &Value, planned: &Value) {
    let kind = |state: &Value| state.text("endpoint_type").unwrap_or("EDGE").to_owned();
    let (old, new) = (kind(prior), kind(planned));
    let moved = old != new;
    let own = |step: &Json| step["path"] == "/endpointType" || step["path"] == "/certificateArn";
    let alters = steps.iter().any(own);
    steps.retain(|step| !own(step));
    if moved {
        let path = format!("/endpointConfiguration/types/{old}");
        steps.push(json!({ "op": "replace", "path": path, "value": new }));
    }
    if alters {
        let path = format!("/{}", arn_field(new == "REGIONAL"));
        let arn = planned.text("certificate_arn");
        steps.push(json!({ "op": "replace", "path": path, "value": arn }));
    }
}

fn domain_shape(body: &mut Json) {
    let kind = body["endpointConfiguration"]["types"][0].clone();
    let regional = kind == "REGIONAL";
    body["endpointType"] = kind;
    let target = if regional {
        "regionalDomainName"
    } else {
        "distributionDomainName"
    };
    body["target"] = body[target].clone();
    body["certificateArn"] = body[arn_field(regional)].clone();
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{domain_shape, parts};

    fn target(mut body: Json) -> Json {
        domain_shape(&mut body);
        body["target"].take()
    }

    #[test]
    fn the_target_is_that_of_the_endpoint() {
        let edge = json!({
            "endpointConfiguration": { "types": ["EDGE"] },
            "distributionDomainName": "d.example"
        });
        assert_eq!(target(edge), "d.example");
        let regional = json!({
            "endpointConfiguration": { "types": ["REGIONAL"] },
            "regionalDomainName": "r.example"
        });
        assert_eq!(target(regional), "r.example");
    }

    #[test]
    fn a_target_is_a_name_with_a_region_in_it() {
        let target = "d-1.execute-api.eu-west-1.edge.example";
        assert_eq!(parts(target), Some((("d-1", "edge.example"), "eu-west-1")));
        assert_eq!(parts("d-1.eu-west-1.edge.example"), None);
    }
}
