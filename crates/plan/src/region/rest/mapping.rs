//! Parameter mappings and templates of a method, read once.

use std::collections::BTreeMap;

use lang::{
    mapping::{Expression, Target, Towards},
    media::Unmatched,
    pattern_java::Pattern,
    vtl::Template,
};
use model::rest::{
    ContentHandling, Integration, IntegrationResponse, IntegrationType, Passthrough,
};

/// How the client's request becomes the integration's.
#[derive(Debug)]
pub struct RequestPlan {
    /// What is set from what.
    pub mappings: Vec<Mapping>,
    /// By media type of the request.
    pub templates: BTreeMap<String, Template>,
    /// What happens to bodies that no template fits.
    pub unmatched: Unmatched,
    /// A mapping reads the body.
    pub reads_body: bool,
}

/// One parameter of a request.
#[derive(Debug)]
pub struct Mapping {
    /// What is set.
    pub target: Target,
    /// To what.
    pub source: Expression,
    /// Slashes of the value are the owner's own or a greedy variable's, so they stay separators
    /// of a path.
    pub keeps_slashes: bool,
}

/// How an answer of the integration becomes the client's.
#[derive(Debug)]
pub struct ResponsePlan {
    /// The client's status.
    pub status: u16,
    /// What selects it; none for the default response.
    pub pattern: Option<Pattern>,
    /// Headers, by name.
    pub headers: Vec<(Box<str>, Expression)>,
    /// By media type that the client accepts.
    pub templates: BTreeMap<String, Template>,
    /// Conversion of the body.
    pub content_handling: Option<ContentHandling>,
    /// A mapping reads the body.
    pub reads_body: bool,
}

impl RequestPlan {
    /// Reads the integration request of a method of `path`.
    pub(super) fn compile(integration: &Integration, path: &str) -> Result<Self, String> {
        let settings = &integration.settings;
        let towards = match settings.kind {
            IntegrationType::Aws | IntegrationType::AwsProxy => Towards::Aws,
            _ => Towards::Http,
        };
        let mut mappings = Vec::new();
        for (target, source) in &settings.request_parameters {
            let target = Target::parse_request(target).map_err(|error| error.to_string())?;
            if target.is_forbidden(towards) {
                return Err(format!("header {:?} belongs to the gateway", target.name()));
            }
            let keeps_slashes = source.starts_with('\'') || is_greedy(source, path);
            let source = Expression::parse(source).map_err(|error| error.to_string())?;
            mappings.push(Mapping {
                target,
                source,
                keeps_slashes,
            });
        }
        Ok(Self {
            reads_body: mappings.iter().any(|mapping| mapping.source.reads_body()),
            mappings,
            templates: templates(&settings.request_templates)?,
            unmatched: match settings.passthrough {
                Passthrough::WhenNoMatch => Unmatched::Pass,
                Passthrough::WhenNoTemplates => Unmatched::PassWithoutTemplates,
                Passthrough::Never => Unmatched::Refuse,
            },
        })
    }
}

impl ResponsePlan {
    pub(super) fn compile(status: u16, source: &IntegrationResponse) -> Result<Self, String> {
        let mut headers = Vec::new();
        for (target, expression) in &source.parameters {
            let target = Target::parse_response(target).map_err(|error| error.to_string())?;
            let expression = Expression::parse(expression).map_err(|error| error.to_string())?;
            headers.push((target.name().into(), expression));
        }
        let pattern = source.selection_pattern.as_deref();
        let pattern = pattern.filter(|pattern| !pattern.is_empty());
        let pattern = pattern.map(Pattern::parse).transpose();
        Ok(Self {
            status,
            pattern: pattern.map_err(|error| format!("selection pattern: {error}"))?,
            reads_body: headers.iter().any(|(_, source)| source.reads_body()),
            headers,
            templates: templates(&source.templates)?,
            content_handling: source.content_handling,
        })
    }
}

fn templates(sources: &BTreeMap<String, String>) -> Result<BTreeMap<String, Template>, String> {
    let parse = |(media, text): (&String, &String)| {
        let parsed = Template::parse(text.trim_matches(|letter| letter <= ' '));
        let parsed = parsed.map_err(|error| format!("template for {media:?}: {error}"))?;
        Ok((media.clone(), parsed))
    };
    sources.iter().map(parse).collect()
}

/// Whether an expression is the greedy variable of the method's path.
fn is_greedy(source: &str, path: &str) -> bool {
    source
        .trim()
        .strip_prefix("method.request.path.")
        .is_some_and(|name| path.ends_with(&format!("/{{{name}+}}")))
}
