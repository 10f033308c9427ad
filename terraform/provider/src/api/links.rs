//! What leads into private networks and out of them: VPC links, private endpoints, and which of
//! those may reach a private domain name.

use serde_json::Value as Json;

use super::{
    policy::same_policy,
    table::{Field, Make, Piece, Style},
};
use crate::{
    cty::Value,
    framework::{Attribute, Check, Resource, json as is_json},
};

pub(super) fn all() -> Vec<Box<dyn Resource>> {
    vec![
        Box::new(vpc_link()),
        Box::new(api_vpc_link()),
        Box::new(private_endpoint()),
        Box::new(access_association()),
    ]
}

pub(super) fn vpc_link() -> Piece {
    Piece::new(
        "edgeway_vpc_link",
        "VPC link",
        "A way from REST APIs to backends within a private network, through a connector there. A \
         link that integrations use is replaced with `create_before_destroy`.",
    )
    .at("/vpclinks/{id}", Make::Post("/vpclinks"), Style::Operations)
    .listed("/vpclinks", "id", "id")
    .imported_by(&["id"], "ID")
    .id("id", "The link's id, for `connection_id`.")
    .field(Field::plain(
        Attribute::text("name", "A name for people.").required(),
        "name",
    ))
    .field(Field::plain(
        Attribute::text("description", "What it is for."),
        "description",
    ))
    .field(
        Field::plain(
            Attribute::text_list(
                "target_arns",
                "What it leads to, one ARN that ends with `loadbalancer/net/CONNECTOR/UPSTREAM`.",
            )
            .required(),
            "targetArns",
        )
        .once(),
    )
    .field(Field::plain(
        Attribute::text("status", "Whether it may be used.")
            .computed()
            .stable(),
        "status",
    ))
    .tagged("/vpclinks/{id}")
}

pub(super) fn api_vpc_link() -> Piece {
    Piece::new(
        "edgeway_api_vpc_link",
        "VPC link",
        "A way from HTTP and WebSocket APIs to backends within a private network, through the \
         connectors there. A link that integrations use is replaced with `create_before_destroy`.",
    )
    .at(
        "/v2/vpclinks/{id}",
        Make::Post("/v2/vpclinks"),
        Style::Document,
    )
    .listed("/v2/vpclinks", "vpcLinkId", "id")
    .imported_by(&["id"], "ID")
    .id("vpcLinkId", "The link's id, for `connection_id`.")
    .field(Field::plain(
        Attribute::text("name", "A name for people.")
            .required()
            .check(Check::Length(1, 128)),
        "name",
    ))
    .field(
        Field::plain(
            Attribute::text_list("subnet_ids", "Names of the connectors.").required(),
            "subnetIds",
        )
        .once(),
    )
    .field(
        Field::plain(
            Attribute::text_list("security_group_ids", "Kept, and of no effect."),
            "securityGroupIds",
        )
        .once(),
    )
    .field(Field::plain(
        Attribute::text("status", "Whether it may be used.")
            .computed()
            .stable(),
        "vpcLinkStatus",
    ))
    .tagged("/vpclinks/{id}")
}

pub(super) fn private_endpoint() -> Piece {
    Piece::new(
        "edgeway_private_endpoint",
        "private endpoint",
        "An endpoint in a private network, by which private APIs are reached. Its listener is in \
         the settings of the region's nodes.",
    )
    .at(
        "/edgeway/v1/private-endpoints/{id}",
        Make::Either("/edgeway/v1/private-endpoints"),
        Style::Put,
    )
    .listed("/edgeway/v1/private-endpoints", "endpointId", "id")
    .imported_by(&["id"], "ID")
    .field(
        Field::plain(
            Attribute::id(
                "The endpoint's id: `vpce-` and 8 to 17 of `0-9a-f`. The cluster's choice unless \
                 given, as it has to be where listeners come first.",
            )
            .or_computed(),
            "endpointId",
        )
        .once(),
    )
    .field(
        Field::plain(
            Attribute::text(
                "region",
                "Whose nodes listen; without it, the one that is asked.",
            )
            .or_computed()
            .stable(),
            "region",
        )
        .once(),
    )
    .field(Field::plain(
        Attribute::text_list("addresses", "What its names resolve to.").required(),
        "addresses",
    ))
    .field(Field::plain(
        Attribute::text("vpc_id", "What `aws:SourceVpc` of policies compares."),
        "vpcId",
    ))
    .field(Field::plain(
        Attribute::text("policy", "What may be called by way of it, JSON.")
            .check(Check::Text(is_json))
            .same(same_policy),
        "policy",
    ))
    .waits()
}

fn access_association() -> Piece {
    Piece::new(
        "edgeway_domain_name_access_association",
        "access association",
        "Lets a private endpoint reach a private domain name.",
    )
    .at(
        "/domainnameaccessassociations/{arn}",
        Make::Post("/domainnameaccessassociations"),
        Style::Operations,
    )
    .within("/domainnameaccessassociations", |items, known| {
        let own = |item: &&Json| {
            let source = item["accessAssociationSource"].as_str();
            let of = item["domainNameArn"].as_str().and_then(domain_of);
            let named = known.text("domain_name_arn").and_then(domain_of);
            source == known.text("vpc_endpoint_id")
                && of.is_some()
                && of == named.or(known.text("domain_name"))
        };
        items.iter().find(own).cloned()
    })
    .imported_by(
        &["domain_name", "vpc_endpoint_id"],
        "DOMAIN_NAME/VPC_ENDPOINT_ID",
    )
    .field(
        Field::plain(
            Attribute::text("domain_name_arn", "The `arn` of a private domain name.")
                .required()
                .same(same_domain),
            "domainNameArn",
        )
        .once(),
    )
    .field(
        Field::plain(
            Attribute::text("vpc_endpoint_id", "The private endpoint's id.").required(),
            "accessAssociationSource",
        )
        .once(),
    )
    .field(Field::plain(
        Attribute::text("domain_name", "The domain name.")
            .computed()
            .stable(),
        "domainName",
    ))
    .field(Field::plain(
        Attribute::text("arn", "Its ARN.").computed().stable(),
        "domainNameAccessAssociationArn",
    ))
    .fill(|body, _, _| body["accessAssociationSourceType"] = "VPCE".into())
    .shape(|body| {
        let name = body["domainNameArn"].as_str().and_then(domain_of);
        body["domainName"] = name.into();
    })
    .finish(|state, known| keep_region(state, known, "arn"))
    .tagged("/domainnameaccessassociations/domainname/{domain_name}/vpcesource/{vpc_endpoint_id}")
    .waits()
}

/// The name within `arn:aws:apigateway:REGION:ACCOUNT:/domainnames/NAME+ID`.
fn domain_of(arn: &str) -> Option<&str> {
    let (_, named) = arn.rsplit_once("/domainnames/")?;
    named.split('+').next().filter(|name| !name.is_empty())
}

/// The region of an ARN is that which answered: any names the same thing.
fn without_region(arn: &str) -> Vec<&str> {
    let parts = arn.splitn(6, ':').enumerate();
    let parts = parts.filter(|(at, _)| *at != 3);
    parts.map(|(_, part)| part).collect()
}

fn same_domain(a: &Value, b: &Value) -> bool {
    let parts = |value: &'_ Value| -> Option<Vec<String>> {
        let parts = without_region(value.as_text()?).into_iter();
        Some(parts.map(str::to_owned).collect())
    };
    a == b || parts(a).is_some_and(|a| parts(b) == Some(a))
}

/// Keeps an ARN as it was first answered: another region answers with its own name in it.
pub(super) fn keep_region(state: &mut Value, known: &Value, name: &str) {
    let same =
        known.attribute(name).is_set() && same_domain(known.attribute(name), state.attribute(name));
    if same {
        state.set(name, known.attribute(name).clone());
    }
}

#[cfg(test)]
mod tests {
    use super::{domain_of, keep_region};
    use crate::cty::Value;

    #[test]
    fn a_domain_is_read_from_its_arn() {
        let arn = "arn:aws:apigateway:us-east-1:1:/domainnames/a.example+x1";
        assert_eq!(domain_of(arn), Some("a.example"));
        assert_eq!(domain_of("a.example"), None);
        assert_eq!(domain_of("arn:/domainnames/"), None);
    }

    #[test]
    fn the_region_that_answers_makes_no_difference() {
        let arn = |region: &str, name: &str| {
            let arn = format!("arn:aws:apigateway:{region}:1:/domainnames/{name}");
            Value::object().with("arn", arn)
        };
        let known = arn("eu-west-1", "a");
        let mut state = arn("us-east-1", "a");
        keep_region(&mut state, &known, "arn");
        assert_eq!(state, known);
        let mut state = arn("us-east-1", "b");
        keep_region(&mut state, &known, "arn");
        assert_eq!(state, arn("us-east-1", "b"));
    }
}
