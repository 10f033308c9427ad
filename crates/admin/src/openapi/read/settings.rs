//! What a file says of the API as a whole: name, endpoint, policy, validators, gateway responses.
//!
//! What a file leaves out stays as it is when merging, and becomes the default when overwriting.

use std::sync::Arc;

use model::IpAddressType;
use model::rest::{ApiKeySource, GatewayResponse, GatewayResponseType, RequestValidator};

use super::super::fault::Fault;
use super::super::node::Node;
use super::{BasePath, Builder, Mode};

const COMPRESSION_MAX: u32 = 10_485_760;

impl Builder<'_> {
    pub(super) fn read_settings(&mut self, top: &Node<'_>) -> Result<(), Fault> {
        let info = top.get("info");
        let info = info.ok_or_else(|| top.fault("'info' is missing"))?;
        let title = info.text_of("title")?.filter(|title| !title.is_empty());
        if let Some(title) = title {
            self.settings.name = title;
        }
        if self.settings.name.is_empty() {
            return Err(info.fault("'title' is missing; it becomes the API's name"));
        }
        let replace = self.wanted.mode == Mode::Overwrite;
        let set = |place: &mut Option<String>, value: Option<String>| {
            if value.is_some() || replace {
                *place = value.filter(|text| !text.is_empty());
            }
        };
        set(&mut self.settings.description, info.text_of("description")?);
        set(&mut self.settings.version, info.text_of("version")?);
        self.read_endpoint(top)?;
        self.read_switches(top)
    }

    fn read_switches(&mut self, top: &Node<'_>) -> Result<(), Fault> {
        let replace = self.wanted.mode == Mode::Overwrite;
        let types = top.texts_of("x-amazon-apigateway-binary-media-types")?;
        if replace {
            self.settings.binary_media_types = types;
        } else {
            for media_type in types {
                if !self.settings.binary_media_types.contains(&media_type) {
                    self.settings.binary_media_types.push(media_type);
                }
            }
        }
        let size = top.number_of("x-amazon-apigateway-minimum-compression-size")?;
        if size.is_some_and(|size| size > COMPRESSION_MAX) {
            return Err(Fault::at(
                "/x-amazon-apigateway-minimum-compression-size",
                "Invalid minimum compression size, must be between 0 and 10485760",
            ));
        }
        if size.is_some() || replace {
            self.settings.minimum_compression_size = size;
        }
        if let Some(source) = top.get("x-amazon-apigateway-api-key-source") {
            self.settings.api_key_source = word(&source, ApiKeySource::parse)?;
        } else if replace {
            self.settings.api_key_source = ApiKeySource::Header;
        }
        if let Some(policy) = top.get("x-amazon-apigateway-policy") {
            let text = policy.as_str().map(str::to_owned);
            self.settings.policy = Some(text.unwrap_or_else(|| policy.value.to_string()));
        } else if replace {
            self.settings.policy = None;
        }
        if let Some(name) = top.text_of("x-amazon-apigateway-security-policy")? {
            self.settings.security_policy = name;
        }
        if let Some(access) = top.text_of("x-amazon-apigateway-endpoint-access-mode")? {
            self.settings.endpoint_access_mode = Some(access);
        }
        Ok(())
    }

    fn read_endpoint(&mut self, top: &Node<'_>) -> Result<(), Fault> {
        let Some(endpoint) = endpoint_of(top)? else {
            return Ok(());
        };
        if let Some(disabled) = endpoint.flag_of("disableExecuteApiEndpoint")? {
            self.settings.disable_execute_api_endpoint = disabled;
        }
        if endpoint.get("vpcEndpointIds").is_some() {
            self.settings.vpc_endpoints = endpoint.texts_of("vpcEndpointIds")?;
        }
        if let Some(family) = endpoint.get("ipAddressType") {
            self.settings.ip_address_type = match family.as_str() {
                Some("ipv4") => IpAddressType::Ipv4,
                Some("dualstack") => IpAddressType::Dualstack,
                _ => return Err(family.fault("ipAddressType must be either ipv4 or dualstack.")),
            };
        }
        Ok(())
    }

    pub(super) fn read_base_path(&mut self, top: &Node<'_>) -> Result<(), Fault> {
        self.prefix = kept_base_path(top, self.wanted.base_path)?;
        Ok(())
    }

    pub(super) fn read_validators(&mut self, top: &Node<'_>) -> Result<(), Fault> {
        let Some(all) = top.get("x-amazon-apigateway-request-validators") else {
            return Ok(());
        };
        for (name, node) in all.object()? {
            let same = |old: &&Arc<RequestValidator>| old.name.as_deref() == Some(name);
            let id = self.before.validators.values().find(same);
            let id = id.map_or_else(Self::id, |old| old.id.clone());
            let validator = RequestValidator {
                id: id.clone(),
                name: Some(name.to_owned()),
                body: node.flag_of("validateRequestBody")?.unwrap_or(false),
                parameters: node.flag_of("validateRequestParameters")?.unwrap_or(false),
            };
            self.content.validators.insert(id, Arc::new(validator));
        }
        Ok(())
    }

    pub(super) fn read_gateway_responses(&mut self, top: &Node<'_>) -> Result<(), Fault> {
        let Some(all) = top.get("x-amazon-apigateway-gateway-responses") else {
            return Ok(());
        };
        for (name, node) in all.object()? {
            let kind = GatewayResponseType::parse(name);
            let kind = kind.ok_or_else(|| node.fault(not_one(name, GatewayResponseType::WORDS)))?;
            let response = GatewayResponse {
                status: status_of(&node, "statusCode")?,
                parameters: node.map_of("responseParameters")?,
                templates: node.map_of("responseTemplates")?,
            };
            self.content
                .gateway_responses
                .insert(kind, Arc::new(response));
        }
        Ok(())
    }
}

/// `x-amazon-apigateway-endpoint-configuration`, at the top (2.0) or in a server (3.0).
pub(in crate::openapi) fn endpoint_of<'a>(top: &Node<'a>) -> Result<Option<Node<'a>>, Fault> {
    const NAME: &str = "x-amazon-apigateway-endpoint-configuration";
    let servers = top.get("servers").map(|servers| servers.items());
    let servers = servers.transpose()?.unwrap_or_default();
    let found = servers.iter().find_map(|server| server.get(NAME));
    Ok(found.or_else(|| top.get(NAME)))
}

/// `basePath` (2.0) or the path of the first server (3.0), as far as it is wanted: empty, or with a
/// slash in front.
pub(in crate::openapi) fn kept_base_path(
    top: &Node<'_>,
    wanted: BasePath,
) -> Result<String, Fault> {
    if wanted == BasePath::Ignore {
        return Ok(String::new());
    }
    let base = match top.text_of("basePath")? {
        Some(base) => base,
        None => server_path(top)?,
    };
    let base = base.trim_matches('/');
    let kept = match wanted {
        BasePath::Prepend => base,
        BasePath::Split => base.split_once('/').map_or("", |(_, rest)| rest),
        BasePath::Ignore => "",
    };
    Ok(if kept.is_empty() {
        String::new()
    } else {
        format!("/{kept}")
    })
}

/// The path of the first server, with its variables' defaults.
fn server_path(top: &Node<'_>) -> Result<String, Fault> {
    let Some(servers) = top.get("servers") else {
        return Ok(String::new());
    };
    let Some(server) = servers.items()?.into_iter().next() else {
        return Ok(String::new());
    };
    let mut url = server.text_of("url")?.unwrap_or_default();
    if let Some(variables) = server.get("variables") {
        for (name, variable) in variables.object()? {
            let default = variable.text_of("default")?.unwrap_or_default();
            url = url.replace(&format!("{{{name}}}"), &default);
        }
    }
    let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    Ok(path.to_owned())
}

/// A word of the management API, in any case.
pub(super) fn word<T>(node: &Node<'_>, parse: fn(&str) -> Option<T>) -> Result<T, Fault> {
    let text = node.text()?;
    parse(&text.to_ascii_uppercase()).ok_or_else(|| node.fault(format!("unknown value {text:?}")))
}

pub(super) fn not_one(text: &str, words: &[&str]) -> String {
    format!("{text:?} is none of {}", words.join(", "))
}

/// A status as number or text; none when it is not there.
pub(super) fn status_of(node: &Node<'_>, key: &str) -> Result<Option<u16>, Fault> {
    let Some(status) = node.get(key) else {
        return Ok(None);
    };
    let text = status.text()?;
    let number = text
        .parse()
        .ok()
        .filter(|number| (100..600).contains(number));
    let number = number.ok_or_else(|| status.fault(format!("{text:?} is no HTTP status")))?;
    Ok(Some(number))
}
