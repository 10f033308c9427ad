//! What a file of a REST API defines, without a cluster: for whoever checks or measures files
//! before anything takes them.

use std::sync::Arc;

use model::{
    EndpointType, IpAddressType,
    rest::{ApiKeySource, Content, Definition, Settings},
};

use crate::openapi::{
    self, Substitutions,
    read::{BasePath, Mode, Wanted},
};

/// The id that schemas of the file use for their API.
const API: &str = "api";

/// The content that an OpenAPI file (JSON or YAML) defines.
///
/// # Errors
/// Says what is wrong with the file.
pub fn rest_content(file: &[u8], account: &str, region: &str) -> Result<Content, String> {
    let known = Substitutions { account, region };
    let root = openapi::parse(file, &known).map_err(|fault| format!("{fault:?}"))?;
    let wanted = Wanted {
        api: API,
        mode: Mode::Overwrite,
        base_path: BasePath::Ignore,
        ignore_documentation: true,
        fail_on_warnings: true,
    };
    let read = openapi::read::definition(&root, nothing(), wanted);
    let Definition { settings, content } =
        read.map_err(|refusal| format!("{refusal:?}"))?.definition;
    Ok(Content {
        binary_media_types: settings.binary_media_types,
        minimum_compression_size: settings.minimum_compression_size,
        api_key_source: settings.api_key_source,
        policy: settings.policy,
        ..Content::clone(&content)
    })
}

/// An API before its first file.
fn nothing() -> Definition {
    Definition {
        settings: Settings {
            name: API.to_owned(),
            description: None,
            version: None,
            endpoint: EndpointType::Edge,
            ip_address_type: IpAddressType::Ipv4,
            disable_execute_api_endpoint: false,
            security_policy: String::new(),
            endpoint_access_mode: None,
            vpc_endpoints: Vec::new(),
            binary_media_types: Vec::new(),
            minimum_compression_size: None,
            api_key_source: ApiKeySource::Header,
            policy: None,
        },
        content: Arc::new(Content::empty("root".into())),
    }
}
