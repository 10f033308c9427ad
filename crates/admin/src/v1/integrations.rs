//! `Integration`: what a method calls.

use http::StatusCode;
use model::{
    Config,
    rest::{
        ConnectionType, ContentHandling, Integration, IntegrationSettings, IntegrationType,
        Passthrough, ResponseTransfer, RestKey, RestPart,
    },
};
use serde_json::{Map, Value};

use super::{
    checks, integration_responses,
    kind::{self, Key, Kind, Part},
    methods,
    patch::{ARD, Absent, Holds, R, Rule, Step, rule},
    rest_apis::texts,
    view::{View, object},
};
use crate::{
    call::Call,
    document::Document,
    operation::{Operation, read, write},
    refusal::Refusal,
};

const ONE: &str = "/restapis/{api}/resources/{resource}/methods/{verb}/integration";

pub(super) const OPERATIONS: &[Operation] = &[
    read("GetIntegration", ONE, kind::show::<Integrations>),
    write("PutIntegration", "PUT", ONE, kind::put::<Integrations>),
    write(
        "UpdateIntegration",
        "PATCH",
        ONE,
        kind::update::<Integrations>,
    ),
    write(
        "DeleteIntegration",
        "DELETE",
        ONE,
        kind::delete::<Integrations>,
    ),
];

/// Amazon's default, and its maximum for APIs whose quota was not raised.
const TIMEOUT_MS: u32 = 29_000;
/// The most that Amazon raises it to.
const TIMEOUT_MS_MAX: i64 = 300_000;

struct Integrations;

impl Kind for Integrations {
    type Item = IntegrationSettings;

    const RULES: &'static [Rule] = &[
        rule("/cacheKeyParameters", ARD, Holds::List),
        rule("/cacheNamespace", R, Holds::Text),
        rule("/connectionId", R, Holds::Text),
        rule("/connectionType", R, Holds::Text),
        rule("/contentHandling", R, Holds::Text),
        rule("/credentials", R, Holds::Text),
        rule("/integrationTarget", R, Holds::Text),
        rule("/passthroughBehavior", R, Holds::Text),
        rule("/responseTransferMode", R, Holds::Text),
        rule("/timeoutInMillis", R, Holds::Whole),
        rule("/tlsConfig/insecureSkipVerification", R, Holds::Flag),
        rule("/httpMethod", R, Holds::Text),
        rule("/uri", R, Holds::Text),
        rule("/requestParameters/*", ARD, Holds::Entry(Absent::Parameter)),
        rule(
            "/requestTemplates/*",
            ARD,
            Holds::Entry(Absent::ContentType),
        ),
    ];
    const DELETED: StatusCode = StatusCode::NO_CONTENT;

    fn key(call: &Call<'_>) -> Result<Key, Refusal> {
        let (id, verb, _) = methods::found(call)?;
        Ok(Key::Rest(
            call.argument(0).into(),
            RestKey::Integration(id, verb),
        ))
    }

    fn missing(_call: &Call<'_>) -> Refusal {
        Refusal::Missing("Invalid Integration identifier specified".to_owned())
    }

    fn item(part: Part) -> Option<IntegrationSettings> {
        match part {
            Part::Rest(RestPart::Integration(settings)) => Some(*settings),
            _ => None,
        }
    }

    fn part(settings: IntegrationSettings) -> Part {
        Part::Rest(RestPart::Integration(settings.into()))
    }

    fn view(settings: &IntegrationSettings) -> Value {
        request(settings).done()
    }

    fn read(
        call: &Call<'_>,
        input: &Document,
        _old: Option<&IntegrationSettings>,
    ) -> Result<IntegrationSettings, Refusal> {
        let shown = ["HTTP", "MOCK", "AWS_PROXY", "HTTP_PROXY", "AWS"];
        let kind = input.word("type", IntegrationType::parse, &shown)?;
        let kind = kind.ok_or_else(|| Refusal::not_in_set("null", &input.path("type"), &shown))?;
        let http_method = http_method(input, kind)?;
        let uri = checks::optional(input, "uri")?;
        endpoint(kind, uri.as_deref())?;
        let request_parameters = input.map("requestParameters")?.unwrap_or_default();
        let places = ["path", "querystring", "header"];
        checks::targets(request_parameters.keys(), "integration.request", &places)?;
        checks::sources(&request_parameters, "method.request")?;
        let request_templates = input.map("requestTemplates")?.unwrap_or_default();
        checks::media_types(request_templates.keys())?;
        let tls = input.object("tlsConfig")?.unwrap_or_default();
        let connection = connection(input)?;
        let passthrough = input.word(
            "passthroughBehavior",
            Passthrough::parse,
            Passthrough::WORDS,
        )?;
        let handling = input.word(
            "contentHandling",
            ContentHandling::parse,
            ContentHandling::WORDS,
        );
        let words = ResponseTransfer::WORDS;
        let transfer = input.word("responseTransferMode", ResponseTransfer::parse, words)?;
        let namespace = checks::optional(input, "cacheNamespace")?;
        Ok(IntegrationSettings {
            kind,
            http_method,
            uri,
            connection_type: connection.0,
            connection_id: connection.1,
            target: checks::optional(input, "integrationTarget")?,
            credentials: checks::optional(input, "credentials")?,
            request_parameters,
            request_templates,
            passthrough: passthrough.unwrap_or(Passthrough::WhenNoMatch),
            content_handling: handling?,
            timeout_ms: timeout(input)?,
            cache_namespace: namespace.unwrap_or_else(|| call.argument(1).to_owned()),
            cache_key_parameters: input.texts("cacheKeyParameters")?.unwrap_or_default(),
            insecure_skip_verification: tls.flag("insecureSkipVerification")?,
            response_transfer: transfer.unwrap_or(ResponseTransfer::Buffered),
        })
    }

    fn shown(config: &Config, key: &Key, _item: &IntegrationSettings) -> Value {
        let Key::Rest(api, RestKey::Integration(id, verb)) = key else {
            return Value::Null;
        };
        let shown = config.rest_api(api.as_str()).and_then(|(_, rest)| {
            let method = rest.content.resources.get(id)?.methods.get(verb)?;
            method.integration.as_ref().map(shape)
        });
        shown.unwrap_or(Value::Null)
    }

    fn special(item: &mut IntegrationSettings, steps: Vec<Step>) -> Result<Vec<Step>, Refusal> {
        let fixed = |step: &&Step| ["/httpMethod", "/uri"].contains(&step.path.as_str());
        match steps.iter().find(fixed) {
            Some(step) if item.kind == IntegrationType::Mock => {
                Err(Refusal::bad(format!("Invalid patch path {}", step.path)))
            }
            _ => Ok(steps),
        }
    }
}

/// The integration request.
fn request(settings: &IntegrationSettings) -> View {
    let http = matches!(
        settings.kind,
        IntegrationType::Http | IntegrationType::HttpProxy
    );
    let usual = http.then_some(ConnectionType::Internet);
    let connection = settings.connection_type.or(usual);
    let tls = settings.insecure_skip_verification;
    let tls = tls.map(|skip| View::default().put("insecureSkipVerification", skip));
    View::default()
        .put("type", settings.kind.as_str())
        .maybe("httpMethod", settings.http_method.as_deref())
        .maybe("uri", settings.uri.as_deref())
        .maybe("connectionType", connection.map(ConnectionType::as_str))
        .maybe("connectionId", settings.connection_id.as_deref())
        .maybe("integrationTarget", settings.target.as_deref())
        .maybe("credentials", settings.credentials.as_deref())
        .filled("requestParameters", object(&settings.request_parameters))
        .filled("requestTemplates", object(&settings.request_templates))
        .put("passthroughBehavior", settings.passthrough.as_str())
        .maybe(
            "contentHandling",
            settings.content_handling.map(ContentHandling::as_str),
        )
        .put("timeoutInMillis", settings.timeout_ms)
        .put("cacheNamespace", settings.cache_namespace.as_str())
        .put("cacheKeyParameters", texts(&settings.cache_key_parameters))
        .maybe("tlsConfig", tls)
        .put("responseTransferMode", settings.response_transfer.as_str())
}

/// The integration with its responses.
pub(super) fn shape(integration: &Integration) -> Value {
    let responses = integration.responses.iter();
    let responses: Map<String, Value> = responses
        .map(|(status, response)| {
            let shape = integration_responses::shape(*status, response);
            (status.to_string(), shape)
        })
        .collect();
    request(&integration.settings)
        .filled("integrationResponses", responses.into())
        .done()
}

fn http_method(input: &Document, kind: IntegrationType) -> Result<Option<String>, Refusal> {
    let given = checks::optional(input, "httpMethod")?;
    match (kind, given) {
        (IntegrationType::Mock, given) => Ok(given),
        (_, None) => Err(Refusal::bad(
            "Enumeration value for HttpMethod must be non-empty",
        )),
        (_, Some(method)) => {
            checks::verb(&method)?;
            Ok(Some(method))
        }
    }
}

/// The backend: a URL for HTTP types, an ARN for AWS types.
fn endpoint(kind: IntegrationType, uri: Option<&str>) -> Result<(), Refusal> {
    let uri = uri.unwrap_or_default();
    match kind {
        IntegrationType::Mock => Ok(()),
        IntegrationType::Http | IntegrationType::HttpProxy => checks::url(uri),
        IntegrationType::Aws | IntegrationType::AwsProxy => {
            // Stage variables may stand for any part, even for all of it.
            if uri.starts_with("${stageVariables.") {
                return Ok(());
            }
            let parts = checks::arn(uri)?;
            let [_, _, "apigateway", _, service, rest] = parts.as_slice() else {
                return Err(Refusal::bad("Invalid ARN specified in the request"));
            };
            if !rest.starts_with("path/") && !rest.starts_with("action/") {
                return Err(Refusal::bad(
                    "AWS ARN for integration must contain path or action",
                ));
            }
            if kind == IntegrationType::AwsProxy && !["lambda", "firehose"].contains(service) {
                return Err(Refusal::bad(
                    "Integrations of type 'AWS_PROXY' currently only supports Lambda function and \
                     Firehose stream invocations.",
                ));
            }
            Ok(())
        }
    }
}

fn connection(input: &Document) -> Result<(Option<ConnectionType>, Option<String>), Refusal> {
    let kind = input.word(
        "connectionType",
        ConnectionType::parse,
        ConnectionType::WORDS,
    )?;
    let id = checks::optional(input, "connectionId")?;
    if kind == Some(ConnectionType::VpcLink) && id.is_none() {
        return Err(Refusal::bad("Invalid Vpc Link identifier specified"));
    }
    Ok((kind, id))
}

fn timeout(input: &Document) -> Result<u32, Refusal> {
    let given = input.integer("timeoutInMillis", i64::MIN, i64::MAX)?;
    let Some(given) = given else {
        return Ok(TIMEOUT_MS);
    };
    let fits = u32::try_from(given).ok();
    let fits = fits.filter(|_| (50..=TIMEOUT_MS_MAX).contains(&given));
    fits.ok_or_else(|| {
        Refusal::bad(format!(
            "Timeout should be between 50 ms and {TIMEOUT_MS_MAX} ms"
        ))
    })
}
