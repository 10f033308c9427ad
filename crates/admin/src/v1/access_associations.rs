//! `DomainNameAccessAssociation`: private endpoints that may reach a private custom domain.
//!
//! There is one account, which owns domains and endpoints alike: rejecting an association ends it
//! just as deleting it does.

use http::StatusCode;
use lang::policy::{Caller, Context, Kind, Policy, Request, Verdict};
use model::{AssociationPatch, Config, DomainId, DomainName, DomainPatch, Op, PrivateDomain};
use serde_json::Value;

use super::{
    checks, domains, input, kind,
    view::{View, object},
};
use crate::{
    access::user_arn,
    answer::Answer,
    call::{Call, Write},
    operation::{Operation, read, write},
    refusal::Refusal,
};

/// What management policies allow or deny.
const ASSOCIATE: &str = "apigateway:CreateAccessAssociation";

const ALL: &str = "/domainnameaccessassociations";

pub(super) const OPERATIONS: &[Operation] = &[
    read("GetDomainNameAccessAssociations", ALL, list),
    write("CreateDomainNameAccessAssociation", "POST", ALL, create),
    write(
        "DeleteDomainNameAccessAssociation",
        "DELETE",
        "/domainnameaccessassociations/{arn+}",
        delete,
    ),
    write(
        "RejectDomainNameAccessAssociation",
        "POST",
        "/rejectdomainnameaccessassociations",
        reject,
    ),
];

fn missing() -> Refusal {
    Refusal::Missing("Invalid domain name access association identifier specified".to_owned())
}

fn shape(
    config: &Config,
    region: &str,
    (domain, private): (&DomainName, &PrivateDomain),
    source: &str,
) -> Option<Value> {
    let tags = private.associations.get(source)?;
    let cluster = config.cluster.as_ref();
    let account = cluster.map_or("", |cluster| &cluster.account_id);
    let name = &domain.name;
    let arn = format!(
        "arn:aws:apigateway:{region}:{account}:/domainnameaccessassociations/domainname/{name}\
         /vpcesource/{source}"
    );
    let view = View::default()
        .put("accessAssociationSource", source)
        .put("accessAssociationSourceType", "VPCE")
        .put("domainNameAccessAssociationArn", arn)
        .put("domainNameArn", domains::arn(config, region, domain))
        .filled("tags", object(tags));
    Some(view.done())
}

fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let region = call.settings.region.as_str();
    let domains = call.config.domains.values();
    // There is one account.
    let domains = domains.filter(|_| call.query("resourceOwner") != Some("OTHER_ACCOUNTS"));
    let private = domains.filter_map(|domain| Some((&**domain, domain.private.as_deref()?)));
    let all = private.flat_map(|(domain, private)| {
        let sources = private.associations.keys();
        sources.filter_map(move |source| {
            let shape = shape(call.config, region, (domain, private), source)?;
            Some((format!("{}/{source}", domain.name), shape))
        })
    });
    kind::list(call, all)
}

/// The end of an ARN, or nothing for what is no ARN of API Gateway.
fn path(arn: &str) -> Option<&str> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", _, "apigateway", _, _, path] => Some(path.trim_start_matches('/')),
        _ => None,
    }
}

/// The private domain of an ARN with its id behind a `+`.
fn domain_of<'c>(config: &'c Config, arn: &str) -> Result<&'c DomainName, Refusal> {
    let named = path(arn).and_then(|path| path.strip_prefix("domainnames/"));
    let (name, id) = named
        .and_then(|named| named.split_once('+'))
        .ok_or_else(|| Refusal::bad("Invalid ARN specified in the request"))?;
    let found = domains::domain(config, name)?;
    let private = found.private.as_ref().filter(|private| private.id == id);
    private.map(|_| found).ok_or_else(domains::missing)
}

fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    let input = input(call);
    let kind = |word: &str| (word == "VPCE").then_some(());
    let place = input.path("accessAssociationSourceType");
    input
        .word("accessAssociationSourceType", kind, &["VPCE"])?
        .ok_or_else(|| Refusal::not_in_set("null", &place, &["VPCE"]))?;
    let source = checks::optional(&input, "accessAssociationSource")?.unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if !source.starts_with("vpce-") || !source.chars().all(plain) {
        return Err(Refusal::bad(format!(
            "Invalid access association source specified: {source}"
        )));
    }
    let arn = checks::optional(&input, "domainNameArn")?.unwrap_or_default();
    let domain = domain_of(call.config, &arn)?;
    managed(call, domain, &arn)?;
    let name = domain.name.clone();
    let op = changing(name.clone(), source.clone(), Some(checks::tags(&input)?));
    let region = call.settings.region.clone();
    Ok(Write::showing(op, move |config| {
        let domain = domains::domain(config, name.as_str())?;
        let private = domain.private.as_deref().ok_or_else(missing)?;
        let shown = shape(config, region.as_str(), (domain, private), &source);
        Answer::json(StatusCode::CREATED, &shown.ok_or_else(missing)?)
    }))
}

/// What the domain's owner says about those who associate endpoints with it. Its own account may,
/// unless that policy denies it; there are no other accounts that it could allow.
fn managed(call: &Call<'_>, domain: &DomainName, arn: &str) -> Result<(), Refusal> {
    let private = domain.private.as_ref();
    let Some(text) = private.and_then(|private| private.management_policy.as_deref()) else {
        return Ok(());
    };
    let key = call.config.access_keys.get(call.by);
    let user = key.map(|key| user_arn(call.config, key));
    let cluster = call.config.cluster.as_ref();
    let verdict = match Policy::parse(text, Kind::Resource) {
        Ok(policy) => policy.evaluate(&Request {
            action: ASSOCIATE,
            resource: arn,
            caller: Caller {
                arn: user.as_deref(),
                account: cluster.map(|cluster| cluster.account_id.as_str()),
                service: None,
            },
            context: &Context::new(),
        }),
        // It was read when it was written: a newer version knows more words.
        Err(_) => Verdict::Denied,
    };
    if matches!(verdict, Verdict::Allowed | Verdict::NotAllowed) {
        return Ok(());
    }
    let user = user.unwrap_or_default();
    Err(Refusal::AccessDenied(format!(
        "User: {user} is not authorized to perform: {ASSOCIATE} on resource: {arn} with an \
         explicit deny in a resource-based policy"
    )))
}

fn changing(
    name: DomainId,
    source: String,
    tags: Option<std::collections::BTreeMap<String, String>>,
) -> Op {
    let patch = DomainPatch {
        association: Some(AssociationPatch { source, tags }),
        ..DomainPatch::default()
    };
    Op::UpdateDomain(name, patch)
}

/// The change that ends the association of an ARN.
fn ending(config: &Config, arn: &str) -> Result<Write, Refusal> {
    let parts: Vec<&str> = path(arn).unwrap_or_default().split('/').collect();
    let [
        "domainnameaccessassociations",
        "domainname",
        name,
        "vpcesource",
        source,
    ] = parts.as_slice()
    else {
        return Err(Refusal::bad("Invalid ARN specified in the request"));
    };
    let domain = domains::domain(config, name)?;
    let private = domain.private.as_ref();
    if private.is_none_or(|private| !private.associations.contains_key(*source)) {
        return Err(missing());
    }
    let op = changing(domain.name.clone(), (*source).to_owned(), None);
    Ok(Write::showing(op, |_| {
        Ok(Answer::empty(StatusCode::ACCEPTED))
    }))
}

fn delete(call: &Call<'_>) -> Result<Write, Refusal> {
    ending(call.config, call.argument(0))
}

fn reject(call: &Call<'_>) -> Result<Write, Refusal> {
    let of = call.query("domainNameArn").unwrap_or_default();
    let domain = domain_of(call.config, of)?;
    let arn = call
        .query("domainNameAccessAssociationArn")
        .unwrap_or_default();
    if !arn.contains(&format!("/domainname/{}/", domain.name)) {
        return Err(missing());
    }
    ending(call.config, arn)
}
