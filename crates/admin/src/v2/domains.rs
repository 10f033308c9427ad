//! `DomainName`: custom domains.
//!
//! Where clients reach a domain is said by `endpointType` (EDGE when absent), unless the tag
//! `edgeway:endpointType` says it: tools that know no endpoint type but REGIONAL send that, and are
//! shown it again, while the tag decides.

use std::collections::BTreeMap;

use http::StatusCode;
use model::{
    CertificateId, Config, DomainId, DomainName, DomainPatch, EndpointType, Op, ResourceKind,
    SecurityPolicy, codec,
    v2::{Routing, RoutingMode},
};
use serde::Serialize;

use super::{checks, word};
use crate::{
    answer::Answer,
    call::{Call, Write},
    document::Document,
    ids,
    page::page,
    refusal::Refusal,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DomainShape<'a> {
    api_mapping_selection_expression: &'static str,
    domain_name: &'a str,
    domain_name_arn: String,
    domain_name_configurations: [ConfigurationShape; 1],
    routing_mode: &'static str,
    tags: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConfigurationShape {
    api_gateway_domain_name: String,
    certificate_arn: String,
    domain_name_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain_name_status_message: Option<&'static str>,
    endpoint_type: &'static str,
    hosted_zone_id: String,
    ip_address_type: &'static str,
    security_policy: &'static str,
}

fn shape<'a>(call: &Shown<'_>, domain: &'a DomainName) -> DomainShape<'a> {
    let (config, region) = (call.config, call.region);
    let certificate = config.certificates.get(&domain.certificate);
    let tagged = domain.tags.contains_key(checks::ENDPOINT_TAG);
    let (target, base) = (&domain.target, config.base_domain());
    DomainShape {
        api_mapping_selection_expression: "$request.basepath",
        domain_name: domain.name.as_str(),
        domain_name_arn: format!("arn:aws:apigateway:{region}::/domainnames/{}", domain.name),
        domain_name_configurations: [ConfigurationShape {
            api_gateway_domain_name: format!("{target}.execute-api.{region}.{base}"),
            certificate_arn: certificate
                .map(|c| config.certificate_arn(c))
                .unwrap_or_default(),
            domain_name_status: "AVAILABLE",
            domain_name_status_message: domain.security_policy.shortfall(),
            endpoint_type: match domain.endpoint {
                EndpointType::Edge if !tagged => "EDGE",
                EndpointType::Edge | EndpointType::Regional | EndpointType::Private => "REGIONAL",
            },
            // Stands for the base domain's zone, which is where the target name lives.
            hosted_zone_id: format!("Z{:016X}", codec::digest(base.as_bytes())),
            ip_address_type: checks::ip_address_type_text(domain.ip_address_type),
            security_policy: domain.security_policy.as_str(),
        }],
        routing_mode: domain.routing.mode.as_str(),
        tags: &domain.tags,
    }
}

/// What showing a domain needs: any region's name leads to it, so it is shown with the caller's.
struct Shown<'a> {
    config: &'a Config,
    region: &'a str,
}

/// The domain `name`, in any case.
pub(super) fn domain<'c>(config: &'c Config, name: &str) -> Result<&'c DomainName, Refusal> {
    let found = config.domains.get(name.to_ascii_lowercase().as_str());
    // Private domains are v1's alone.
    let found = found.filter(|domain| domain.private.is_none());
    Ok(found.ok_or_else(|| Refusal::not_found(ResourceKind::DomainName, name))?)
}

pub(super) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let shown = Shown {
        config: call.config,
        region: call.settings.region.as_str(),
    };
    let domains = call.config.domains.values();
    let domains = domains.filter(|domain| domain.private.is_none());
    page(
        call,
        domains.map(|domain| (domain.name.as_str(), shape(&shown, domain))),
    )
}

pub(super) fn show(call: &Call<'_>) -> Result<Answer, Refusal> {
    let shown = Shown {
        config: call.config,
        region: call.settings.region.as_str(),
    };
    Answer::ok(&shape(&shown, domain(call.config, call.argument(0))?))
}

fn showing(call: &Call<'_>, op: Op, name: DomainId, status: StatusCode) -> Write {
    let region = call.settings.region.clone();
    Write::showing(op, move |config| {
        let shown = Shown {
            config,
            region: region.as_str(),
        };
        Answer::json(status, &shape(&shown, domain(config, name.as_str())?))
    })
}

pub(super) fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    supported(&call.document)?;
    let name = call.document.required("domainName", 512)?;
    let name = DomainId::from(checks::domain_name(&name, call.config.base_domain())?);
    let tags = call.document.map("tags")?.unwrap_or_default();
    checks::tags(&tags)?;
    let patch = configuration(call)?
        .ok_or_else(|| Refusal::bad("domainNameConfigurations must hold one configuration"))?;
    let certificate = patch
        .certificate
        .ok_or_else(|| Refusal::bad("certificateArn must be given"))?;
    let tagged = checks::endpoint_tag(&tags)?;
    let new = DomainName {
        name: name.clone(),
        target: format!("d-{}", ids::long()),
        certificate,
        endpoint: tagged.or(patch.endpoint).unwrap_or(EndpointType::Edge),
        ip_address_type: patch.ip_address_type.unwrap_or(model::IpAddressType::Ipv4),
        security_policy: patch.security_policy.unwrap_or_default(),
        created_ms: call.now_ms,
        tags,
        mappings: BTreeMap::new(),
        routing: Box::new(Routing {
            mode: routing_mode(&call.document)?.unwrap_or(RoutingMode::Mappings),
            ..Routing::default()
        }),
        private: None,
    };
    Ok(showing(
        call,
        Op::CreateDomain(Box::new(new)),
        name,
        StatusCode::CREATED,
    ))
}

pub(super) fn update(call: &Call<'_>) -> Result<Write, Refusal> {
    supported(&call.document)?;
    let known = domain(call.config, call.argument(0))?;
    let mut patch = configuration(call)?.unwrap_or_default();
    patch.routing_mode = routing_mode(&call.document)?;
    if known.tags.contains_key(checks::ENDPOINT_TAG) {
        patch.endpoint = None;
    }
    let name = known.name.clone();
    Ok(showing(
        call,
        Op::UpdateDomain(name.clone(), patch),
        name,
        StatusCode::OK,
    ))
}

pub(super) fn delete(call: &Call<'_>) -> Result<Write, Refusal> {
    let name = domain(call.config, call.argument(0))?.name.clone();
    Ok(Write::silent(Op::DeleteDomain(name)))
}

fn supported(document: &Document) -> Result<(), Refusal> {
    if let Some(tls) = document.object("mutualTlsAuthentication")? {
        tls.unsupported(&["truststoreUri", "truststoreVersion"])?;
    }
    Ok(())
}

fn routing_mode(document: &Document) -> Result<Option<RoutingMode>, Refusal> {
    word(
        document,
        "routingMode",
        RoutingMode::parse,
        RoutingMode::WORDS,
    )
}

/// The one configuration that a domain has.
fn configuration(call: &Call<'_>) -> Result<Option<DomainPatch>, Refusal> {
    let all = call
        .document
        .objects("domainNameConfigurations")?
        .unwrap_or_default();
    let one = match all.as_slice() {
        [] => return Ok(None),
        [one] => one,
        [..] => {
            return Err(Refusal::unsupported(
                "more than one domainNameConfiguration",
            ));
        }
    };
    one.unsupported(&["certificateName", "ownershipVerificationCertificateArn"])?;
    let endpoint = match one.text("endpointType")?.as_deref() {
        None => None,
        Some("EDGE") => Some(EndpointType::Edge),
        Some("REGIONAL") => Some(EndpointType::Regional),
        Some(_) => {
            return Err(Refusal::bad(
                "Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE",
            ));
        }
    };
    let arn = one.sized("certificateArn", 1, 2048)?;
    Ok(Some(DomainPatch {
        certificate: arn.map(|arn| certificate(call.config, &arn)).transpose()?,
        endpoint,
        ip_address_type: checks::ip_address_type(one)?,
        security_policy: security_policy(one)?,
        ..DomainPatch::default()
    }))
}

/// Amazon's second version takes two of the names; ours takes all, as nothing else here sets them.
fn security_policy(one: &Document) -> Result<Option<SecurityPolicy>, Refusal> {
    let Some(name) = one.text("securityPolicy")?.filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    match SecurityPolicy::parse(&name) {
        Some(policy) => Ok(Some(policy)),
        None => {
            let all = SecurityPolicy::ALL.map(SecurityPolicy::as_str);
            Err(one.outside("securityPolicy", &name, &all))
        }
    }
}

pub(crate) fn certificate(config: &Config, arn: &str) -> Result<CertificateId, Refusal> {
    let id = arn.rsplit('/').next().unwrap_or_default();
    let known = config.certificates.get(id);
    match known.filter(|certificate| config.certificate_arn(certificate) == arn) {
        Some(certificate) => Ok(certificate.id.clone()),
        None => Err(Refusal::bad(format!(
            "The provided certificate does not exist: {arn}. Import it through POST \
             /edgeway/v1/certificates"
        ))),
    }
}
