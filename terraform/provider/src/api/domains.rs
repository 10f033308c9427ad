//! Custom domain names, their certificates, and which API is under which path of them.

use serde_json::{Value as Json, json};

use super::table::{Field, Make, Piece, Style};
use crate::{
    cty::Value,
    framework::{Attribute, Check, Resource},
};

pub(super) fn all() -> Vec<Box<dyn Resource>> {
    vec![
        Box::new(certificate()),
        Box::new(domain_name()),
        Box::new(base_path_mapping()),
        Box::new(api_mapping()),
    ]
}

fn certificate() -> Piece {
    Piece::new(
        "edgeway_certificate",
        "certificate",
        "A certificate for custom domain names, with its key. Another chain or key takes the \
         place of the former one wherever it is used.",
    )
    .at(
        "/edgeway/v1/certificates/{id}",
        Make::Post("/edgeway/v1/certificates"),
        Style::Put,
    )
    .listed("/edgeway/v1/certificates", "certificateId", "id")
    .imported_by(&["id"], "ID")
    .id("certificateId", "The certificate's id.")
    .field(Field::local(
        Attribute::text("certificate", "The chain, PEM, its own certificate first.").required(),
    ))
    .field(Field::local(
        Attribute::text("private_key_wo", "The key, PEM (PKCS #8).")
            .required()
            .sensitive()
            .write_only(),
    ))
    .field(Field::local(
        Attribute::number(
            "private_key_wo_version",
            "Any number; a change sends chain and key again.",
        )
        .required(),
    ))
    .field(Field::plain(
        Attribute::text("arn", "How domain names refer to it.")
            .computed()
            .stable(),
        "certificateArn",
    ))
    .field(Field::plain(
        Attribute::text_list("names", "The names that it is for.").computed(),
        "names",
    ))
    .field(Field::plain(
        Attribute::text("not_after", "When it ends, RFC 3339.").computed(),
        "notAfter",
    ))
    .fill(|body, planned, config| {
        body["certificate"] = planned.text("certificate").into();
        body["privateKey"] = config.text("private_key_wo").into();
    })
}

fn domain_name() -> Piece {
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
    ))
    .field(Field::plain(
        Attribute::text("endpoint_type", "Where clients reach it.")
            .or("EDGE")
            .check(Check::OneOf(&["EDGE", "REGIONAL", "PRIVATE"])),
        "endpointType",
    ))
    .field(
        Field::plain(
            Attribute::text("ip_address_type", "Which addresses it has.")
                .check(Check::OneOf(&["ipv4", "dualstack"])),
            "endpointConfiguration/ipAddressType",
        )
        .or_computed(),
    )
    .field(
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

fn base_path_mapping() -> Piece {
    Piece::new(
        "edgeway_base_path_mapping",
        "base path mapping",
        "Which REST API is under a path of a custom domain name.",
    )
    .at(
        "/domainnames/{domain_name}/basepathmappings/{base_path}",
        Make::Post("/domainnames/{domain_name}/basepathmappings"),
        Style::Operations,
    )
    .listed(
        "/domainnames/{domain_name}/basepathmappings",
        "basePath",
        "base_path",
    )
    .imported_by(&["domain_name", "base_path"], "DOMAIN_NAME/BASE_PATH")
    .under("domain_name", "The domain name.")
    .field(
        Field::plain(
            Attribute::text(
                "base_path",
                "The first segments of the path; `(none)` is all.",
            )
            .or("(none)"),
            "basePath",
        )
        .once(),
    )
    .field(Field::plain(
        Attribute::text("rest_api_id", "The API.").required(),
        "restApiId",
    ))
    .field(Field::plain(
        Attribute::text("stage", "Its stage; without it, the next segment says."),
        "stage",
    ))
    .waits()
}

fn api_mapping() -> Piece {
    Piece::new(
        "edgeway_api_mapping",
        "API mapping",
        "Which API of either kind is under a path of a custom domain name.",
    )
    .at(
        "/v2/domainnames/{domain_name}/apimappings/{id}",
        Make::Post("/v2/domainnames/{domain_name}/apimappings"),
        Style::Document,
    )
    .listed(
        "/v2/domainnames/{domain_name}/apimappings",
        "apiMappingId",
        "id",
    )
    .imported_by(&["domain_name", "id"], "DOMAIN_NAME/ID")
    .id("apiMappingId", "The mapping's id.")
    .under("domain_name", "The domain name.")
    .field(Field::plain(
        Attribute::text("api_id", "The API.").required(),
        "apiId",
    ))
    .field(Field::plain(
        Attribute::text("stage", "Its stage.").required(),
        "stage",
    ))
    .field(Field::plain(
        Attribute::text(
            "api_mapping_key",
            "The first segments of the path; null is all.",
        ),
        "apiMappingKey",
    ))
    .waits()
}

/// What is only there to be of use to `Value` in the hooks above.
#[cfg(test)]
fn shaped(mut body: Json) -> Value {
    domain_shape(&mut body);
    crate::cty::from_json(&body["target"], &crate::cty::Type::String)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::shaped;

    #[test]
    fn the_target_is_that_of_the_endpoint() {
        let edge = json!({
            "endpointConfiguration": { "types": ["EDGE"] },
            "distributionDomainName": "d.example"
        });
        assert_eq!(shaped(edge).as_text(), Some("d.example"));
        let regional = json!({
            "endpointConfiguration": { "types": ["REGIONAL"] },
            "regionalDomainName": "r.example"
        });
        assert_eq!(shaped(regional).as_text(), Some("r.example"));
    }
}
