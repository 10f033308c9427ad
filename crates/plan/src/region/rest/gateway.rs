//! What an API's owner wants to be said instead of the gateway's own words.

use std::collections::BTreeMap;

use lang::{
    gateway_text::Text,
    mapping::{Expression, Target},
};
use model::rest::{Content, GatewayResponse, GatewayResponseType};

/// The gateway responses of one deployment.
#[derive(Debug, Default)]
pub struct GatewayResponses(BTreeMap<GatewayResponseType, GatewayPlan>);

/// A gateway response, read once.
#[derive(Debug)]
pub struct GatewayPlan {
    /// Another status than the usual one.
    pub status: Option<u16>,
    /// Headers, by name.
    pub headers: Vec<(Box<str>, Expression)>,
    /// By media type; empty for the usual body.
    pub templates: BTreeMap<String, Text>,
}

/// What stands for one refusal.
#[derive(Clone, Copy, Debug)]
pub struct Wording<'p> {
    /// The status, unless it is the usual one.
    pub status: Option<u16>,
    /// The owner's words, if there are any.
    pub plan: Option<&'p GatewayPlan>,
}

impl GatewayResponses {
    /// Reads those of `content`; what cannot be read is left out and complained about.
    pub(super) fn compile(content: &Content, complain: &mut dyn FnMut(String)) -> Self {
        let mut compiled = BTreeMap::new();
        for (kind, source) in &content.gateway_responses {
            let mut headers = Vec::new();
            for (target, expression) in &source.parameters {
                match header(target, expression) {
                    Ok(header) => headers.push(header),
                    Err(error) => complain(format!("gateway response {kind}: {error}")),
                }
            }
            compiled.insert(*kind, GatewayPlan::compile(source, headers));
        }
        Self(compiled)
    }

    /// What stands for a refusal of this kind: its own entry, else the one of its class.
    #[must_use]
    pub fn wording(&self, kind: GatewayResponseType, is_client_error: bool) -> Wording<'_> {
        let class = if is_client_error {
            GatewayResponseType::Default4xx
        } else {
            GatewayResponseType::Default5xx
        };
        // What is too large is refused before the API has a say (2.10).
        let fixed = kind == GatewayResponseType::RequestTooLarge;
        let own = self.0.get(&kind).or_else(|| self.0.get(&class));
        let plan = own.filter(|_| !fixed);
        Wording {
            status: plan.and_then(|plan| plan.status),
            plan,
        }
    }
}

impl GatewayPlan {
    fn compile(source: &GatewayResponse, headers: Vec<(Box<str>, Expression)>) -> Self {
        let templates = source.templates.iter();
        Self {
            status: source.status,
            headers,
            templates: templates
                .map(|(media, text)| (media.clone(), Text::parse(text)))
                .collect(),
        }
    }
}

fn header(target: &str, expression: &str) -> Result<(Box<str>, Expression), String> {
    let target = Target::parse_gateway(target).map_err(|error| error.to_string())?;
    let expression = Expression::parse(expression).map_err(|error| error.to_string())?;
    Ok((target.name().into(), expression))
}
