//! `DomainName`: custom domains, the same objects as in v2.

use http::StatusCode;
use model::{
    CertificateId, Config, DomainId, DomainName, DomainPatch, EndpointType, Op, PrivateDomain,
    codec,
    v2::{Routing, RoutingMode},
};
use serde_json::Value;

use super::{
    checks, input, kind,
    patch::{self, ARD, Holds, R, Rule, rule},
    rest_apis::{address_text, address_type, endpoint_text, endpoint_type},
    view::{View, object, seconds},
};
use crate::{
    answer::Answer,
    call::{Call, Write},
    document::Document,
    ids,
    operation::{Operation, read, write},
    refusal::Refusal,
    v2,
};

const ONE: &str = "/domainnames/{domain}";

pub(super) const OPERATIONS: &[Operation] = &[
    read("GetDomainNames", "/domainnames", list),
    write("CreateDomainName", "POST", "/domainnames", create),
    read("GetDomainName", ONE, show),
    write("UpdateDomainName", "PATCH", ONE, update),
    write("DeleteDomainName", "DELETE", ONE, delete),
];

const RULES: &[Rule] = &[
    rule("/certificateName", ARD, Holds::Text),
    rule("/certificateArn", ARD, Holds::Text),
    rule("/regionalCertificateName", ARD, Holds::Text),
    rule("/regionalCertificateArn", ARD, Holds::Text),
    rule("/endpointConfiguration/types", ARD, Holds::List),
    rule("/endpointConfiguration/ipAddressType", R, Holds::Text),
    rule("/endpointAccessMode", R, Holds::Text),
    rule("/mutualTlsAuthentication/truststoreUri", ARD, Holds::Text),
    rule(
        "/mutualTlsAuthentication/truststoreVersion",
        ARD,
        Holds::Text,
    ),
    rule("/ownershipVerificationCertificateArn", ARD, Holds::Text),
    rule("/routingMode", R, Holds::Text),
    rule("/securityPolicy", R, Holds::Text),
    rule("/policy", R, Holds::Text),
    rule("/managementPolicy", R, Holds::Text),
];

/// What v1 calls the modes.
const MODES: [&str; 3] = [
    "BASE_PATH_MAPPING_ONLY",
    "ROUTING_RULE_ONLY",
    "ROUTING_RULE_THEN_BASE_PATH_MAPPING",
];

const fn mode_text(mode: RoutingMode) -> &'static str {
    match mode {
        RoutingMode::Mappings => "BASE_PATH_MAPPING_ONLY",
        RoutingMode::Rules => "ROUTING_RULE_ONLY",
        RoutingMode::Both => "ROUTING_RULE_THEN_BASE_PATH_MAPPING",
    }
}

fn mode(text: &str) -> Option<RoutingMode> {
    let mut all = RoutingMode::ALL.iter().copied();
    all.find(|mode| mode_text(*mode) == text)
}

/// What clients may alter.
fn fields(config: &Config, domain: &DomainName) -> View {
    let certificate = config.certificates.get(&domain.certificate);
    let arn = certificate.map(|certificate| config.certificate_arn(certificate));
    let types = vec![endpoint_text(domain.endpoint)];
    let view = View::default()
        .put(
            "endpointConfiguration",
            View::default()
                .put("types", types)
                .put("ipAddressType", address_text(domain.ip_address_type)),
        )
        .put("securityPolicy", domain.security_policy.as_str())
        .put("routingMode", mode_text(domain.routing.mode));
    match domain.endpoint {
        EndpointType::Edge => view.maybe("certificateArn", arn),
        EndpointType::Regional => view.maybe("regionalCertificateArn", arn),
        EndpointType::Private => {
            let private = domain.private.as_deref();
            let policy = private.and_then(|private| private.policy.as_deref());
            let management = private.and_then(|private| private.management_policy.as_deref());
            view.maybe("certificateArn", arn)
                .maybe("policy", policy)
                .maybe("managementPolicy", management)
        }
    }
}

fn shape(config: &Config, region: &str, domain: &DomainName) -> Value {
    let base = config.base_domain();
    let target = format!("{}.execute-api.{region}.{base}", domain.target);
    // Stands for the base domain's zone, which is where the target name lives.
    let zone = format!("Z{:016X}", codec::digest(base.as_bytes()));
    let uploaded = seconds(domain.created_ms);
    let view = fields(config, domain)
        .put("domainName", domain.name.as_str())
        .put("domainNameArn", arn(config, region, domain))
        .put("domainNameStatus", "AVAILABLE")
        .filled("tags", object(&domain.tags));
    match domain.endpoint {
        EndpointType::Edge => view
            .put("certificateUploadDate", uploaded)
            .put("distributionDomainName", target)
            .put("distributionHostedZoneId", zone),
        EndpointType::Regional => view
            .put("regionalDomainName", target)
            .put("regionalHostedZoneId", zone),
        EndpointType::Private => {
            let private = domain.private.as_deref();
            view.maybe("domainNameId", private.map(|private| private.id.as_str()))
                .put("certificateUploadDate", uploaded)
        }
    }
    .done()
}

/// The ARN of a domain; a private one's holds its account and id.
pub(super) fn arn(config: &Config, region: &str, domain: &DomainName) -> String {
    let name = &domain.name;
    let Some(private) = &domain.private else {
        return format!("arn:aws:apigateway:{region}::/domainnames/{name}");
    };
    let cluster = config.cluster.as_ref();
    let account = cluster.map_or("", |cluster| &cluster.account_id);
    let id = &private.id;
    format!("arn:aws:apigateway:{region}:{account}:/domainnames/{name}+{id}")
}

/// The domain that the path names; a private one must have the id that the query names.
fn asked<'c>(call: &Call<'c>) -> Result<&'c DomainName, Refusal> {
    let found = domain(call.config, call.argument(0))?;
    let id = found.private.as_ref().map(|private| private.id.as_str());
    match call.query("domainNameId").filter(|asked| !asked.is_empty()) {
        Some(asked) if Some(asked) != id => Err(missing()),
        _ => Ok(found),
    }
}

pub(super) fn missing() -> Refusal {
    Refusal::Missing("Invalid domain name identifier specified".to_owned())
}

/// The domain that the path names, in any case.
pub(super) fn domain<'c>(config: &'c Config, name: &str) -> Result<&'c DomainName, Refusal> {
    let found = config.domains.get(name.to_ascii_lowercase().as_str());
    found.map(|found| &**found).ok_or_else(missing)
}

fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let region = call.settings.region.as_str();
    let domains = call.config.domains.values();
    // There is one account.
    let domains = domains.filter(|_| call.query("resourceOwner") != Some("OTHER_ACCOUNTS"));
    kind::list(
        call,
        domains.map(|domain| (domain.name.as_str(), shape(call.config, region, domain))),
    )
}

fn show(call: &Call<'_>) -> Result<Answer, Refusal> {
    let domain = asked(call)?;
    let region = call.settings.region.as_str();
    Answer::ok(&shape(call.config, region, domain))
}

fn showing(call: &Call<'_>, op: Op, name: DomainId, status: StatusCode) -> Write {
    let region = call.settings.region.clone();
    Write::showing(op, move |config| {
        let domain = domain(config, name.as_str())?;
        Answer::json(status, &shape(config, region.as_str(), domain))
    })
}

/// What is asked for of endpoint, addresses and certificate.
fn wanted(call: &Call<'_>, input: &Document) -> Result<DomainPatch, Refusal> {
    input.unsupported(&[
        "certificateName",
        "certificateBody",
        "certificatePrivateKey",
        "certificateChain",
        "regionalCertificateName",
        "mutualTlsAuthentication",
        "ownershipVerificationCertificateArn",
        "endpointAccessMode",
    ])?;
    let mode = input.word("routingMode", mode, &MODES)?;
    let configuration = input.object("endpointConfiguration")?.unwrap_or_default();
    let types = configuration.texts("types")?.unwrap_or_default();
    let several = "Cannot create a domain name with multiple Endpoint Types.";
    let endpoint = endpoint_type(&types, several)?.unwrap_or(EndpointType::Edge);
    let field = match endpoint {
        EndpointType::Edge | EndpointType::Private => "certificateArn",
        EndpointType::Regional => "regionalCertificateArn",
    };
    let private = endpoint == EndpointType::Private;
    let arn = checks::optional(input, field)?;
    let arn = arn.ok_or_else(|| Refusal::bad(format!("{field} must be given")))?;
    let certificate: CertificateId = v2::certificate(call.config, &arn)?;
    Ok(DomainPatch {
        certificate: Some(certificate),
        endpoint: Some(endpoint),
        ip_address_type: address_type(&configuration)?,
        security_policy: checks::security_policy(input)?,
        routing_mode: mode,
        policy: policy(input, "policy", private)?,
        management_policy: policy(input, "managementPolicy", private)?,
        association: None,
    })
}

/// A policy of a private domain; empty when there is none.
fn policy(input: &Document, name: &str, private: bool) -> Result<Option<String>, Refusal> {
    let given = checks::optional(input, name)?;
    let Some(text) = given.as_deref() else {
        return Ok(private.then(String::new));
    };
    if !private {
        return Err(Refusal::bad(format!(
            "{name} is supported only for private domain names"
        )));
    }
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(_)) => Ok(given),
        _ => Err(Refusal::bad(
            "Invalid policy document. Please check the policy syntax and ensure that Principals \
             are valid.",
        )),
    }
}

/// What a new private domain begins with.
fn private(name: &str, wanted: &DomainPatch) -> Result<Option<Box<PrivateDomain>>, Refusal> {
    if wanted.endpoint != Some(EndpointType::Private) {
        return Ok(None);
    }
    if name.starts_with("*.") {
        return Err(Refusal::bad(
            "Wildcard domain names cannot be private custom domain names",
        ));
    }
    let present = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    Ok(Some(Box::new(PrivateDomain {
        id: ids::long(),
        policy: present(&wanted.policy),
        management_policy: present(&wanted.management_policy),
        associations: Default::default(),
    })))
}

fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    let input = input(call);
    let name = checks::optional(&input, "domainName")?;
    let name = name.ok_or_else(|| Refusal::bad("No Domain Name specified"))?;
    let name = DomainId::from(v2::domain_name(&name, call.config.base_domain())?);
    let wanted = wanted(call, &input)?;
    let private = private(name.as_str(), &wanted)?;
    let (Some(certificate), Some(endpoint)) = (wanted.certificate, wanted.endpoint) else {
        return Err(Refusal::bad("certificateArn must be given"));
    };
    let new = DomainName {
        name: name.clone(),
        target: format!("d-{}", ids::long()),
        certificate,
        endpoint,
        ip_address_type: wanted.ip_address_type.unwrap_or(model::IpAddressType::Ipv4),
        security_policy: wanted.security_policy.unwrap_or_default(),
        created_ms: call.now_ms,
        tags: checks::tags(&input)?,
        mappings: Default::default(),
        routing: Box::new(Routing {
            mode: wanted.routing_mode.unwrap_or(RoutingMode::Mappings),
            ..Routing::default()
        }),
        private,
    };
    let op = Op::CreateDomain(Box::new(new));
    Ok(showing(call, op, name, StatusCode::CREATED))
}

fn update(call: &Call<'_>) -> Result<Write, Refusal> {
    let known = asked(call)?;
    let view = fields(call.config, known).done();
    let view = patch::apply(view, RULES, &patch::steps(call)?)?;
    let Value::Object(fields) = view else {
        return Err(Refusal::Internal("a view is no object".to_owned()));
    };
    let mut patch = wanted(call, &Document::of("updateDomainNameInput.", fields))?;
    // Only what differs, so that others may alter the rest meanwhile.
    patch.certificate = patch.certificate.filter(|new| *new != known.certificate);
    patch.endpoint = patch.endpoint.filter(|new| *new != known.endpoint);
    patch.ip_address_type = patch
        .ip_address_type
        .filter(|new| *new != known.ip_address_type);
    let private = known.private.as_deref();
    let same = |new: &str, old: Option<&Option<String>>| {
        old.and_then(|old| old.as_deref()).unwrap_or_default() == new
    };
    let (policy, management) = (
        private.map(|private| &private.policy),
        private.map(|private| &private.management_policy),
    );
    patch.policy = patch.policy.filter(|new| !same(new, policy));
    patch.management_policy = patch.management_policy.filter(|new| !same(new, management));
    patch.routing_mode = patch.routing_mode.filter(|new| *new != known.routing.mode);
    let name = known.name.clone();
    let op = Op::UpdateDomain(name.clone(), patch);
    Ok(showing(call, op, name, StatusCode::OK))
}

fn delete(call: &Call<'_>) -> Result<Write, Refusal> {
    let name = asked(call)?.name.clone();
    Ok(Write::showing(Op::DeleteDomain(name), |_| {
        Ok(Answer::empty(StatusCode::ACCEPTED))
    }))
}
