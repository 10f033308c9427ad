//! REST APIs piece by piece: resources, methods, integrations and their responses.
//!
//! All are read from one list of the API, that of its resources with everything in them.

use serde_json::Value as Json;

use super::table::{Field, Make, Piece, Style};
use crate::{
    cty::{Type, Value},
    framework::{Attribute, Check, Resource},
};

pub(super) fn all() -> Vec<Box<dyn Resource>> {
    vec![
        Box::new(resource()),
        Box::new(method()),
        Box::new(method_response()),
        Box::new(integration()),
        Box::new(integration_response()),
    ]
}

/// Every resource of the API with its methods: one list for all kinds here.
const LIST: &str = "/restapis/{rest_api_id}/resources?embed=methods";

const VERBS: &[&str] = &[
    "ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT",
];

fn resource() -> Piece {
    Piece::new(
        "edgeway_resource",
        "resource",
        "A segment of the paths of a REST API.",
    )
    .at(
        "/restapis/{rest_api_id}/resources/{id}",
        Make::Post("/restapis/{rest_api_id}/resources/{parent_id}"),
        Style::Operations,
    )
    .listed(LIST, "id", "id")
    .imported_by(&["rest_api_id", "id"], "REST_API_ID/ID")
    .id("id", "The resource's id.")
    .under("rest_api_id", "The API.")
    .field(Field::plain(
        Attribute::text(
            "parent_id",
            "The resource above, such as the API's `root_resource_id`.",
        )
        .required(),
        "parentId",
    ))
    .field(Field::plain(
        Attribute::text(
            "path_part",
            "The segment: a text, `{name}` for any, `{name+}` for all the rest.",
        )
        .required(),
        "pathPart",
    ))
    .field(Field::plain(
        Attribute::text("path", "The whole path.").computed(),
        "path",
    ))
    .fill(|body, _, _| {
        if let Some(fields) = body.as_object_mut() {
            fields.remove("parentId");
        }
    })
    .with_revision()
}

/// The method of the list that a state names.
fn found<'i>(items: &'i [Json], known: &Value) -> Option<&'i Json> {
    let id = known.text("resource_id");
    let verb = known.text("http_method")?;
    let item = items.iter().find(|item| item["id"].as_str() == id)?;
    item.get("resourceMethods")?.get(verb)
}

/// What everything below a method has.
fn below(piece: Piece) -> Piece {
    piece
        .under("rest_api_id", "The API.")
        .under("resource_id", "The resource.")
        .field(Field::local(
            Attribute::text("http_method", "The method, or `ANY`.")
                .required()
                .replaces()
                .check(Check::OneOf(VERBS)),
        ))
        .with_revision()
}

fn flags(name: &'static str, description: &'static str) -> Attribute {
    Attribute::new(name, Type::map(Type::Bool), description)
}

fn method() -> Piece {
    let piece = Piece::new(
        "edgeway_method",
        "method",
        "A method of a resource of a REST API: who may call it, and with what.",
    )
    .at(
        "/restapis/{rest_api_id}/resources/{resource_id}/methods/{http_method}",
        Make::Put,
        Style::Operations,
    )
    .within(LIST, |items, known| found(items, known).cloned())
    .imported_by(
        &["rest_api_id", "resource_id", "http_method"],
        "REST_API_ID/RESOURCE_ID/HTTP_METHOD",
    );
    below(piece)
        .field(Field::plain(
            Attribute::text("authorization", "Who decides who may call it.")
                .or("NONE")
                .check(Check::OneOf(&[
                    "NONE",
                    "AWS_IAM",
                    "CUSTOM",
                    "COGNITO_USER_POOLS",
                    "JWT",
                ])),
            "authorizationType",
        ))
        .field(Field::plain(
            Attribute::text("authorizer_id", "The authorizer, where one decides."),
            "authorizerId",
        ))
        .field(Field::items(
            Attribute::text_set("authorization_scopes", "Scopes of which a token needs one."),
            "authorizationScopes",
        ))
        .field(Field::plain(
            Attribute::flag("api_key_required", "Whether an API key is needed.").or(false),
            "apiKeyRequired",
        ))
        .field(Field::plain(
            Attribute::text("operation_name", "A name for generated clients."),
            "operationName",
        ))
        .field(Field::plain(
            Attribute::text("request_validator_id", "The request validator."),
            "requestValidatorId",
        ))
        .field(Field::entries(
            flags(
                "request_parameters",
                "Parameters such as `method.request.querystring.q`, and whether they must be \
                 there.",
            ),
            "requestParameters",
        ))
        .field(Field::entries(
            Attribute::texts_by_name("request_models", "Names of models by media type."),
            "requestModels",
        ))
}

fn method_response() -> Piece {
    let piece = Piece::new(
        "edgeway_method_response",
        "method response",
        "A status that a method answers with.",
    )
    .at(
        "/restapis/{rest_api_id}/resources/{resource_id}/methods/{http_method}/responses/\
         {status_code}",
        Make::Put,
        Style::Operations,
    )
    .within(LIST, |items, known| {
        let responses = found(items, known)?.get("methodResponses")?;
        responses.get(known.text("status_code")?).cloned()
    })
    .imported_by(
        &["rest_api_id", "resource_id", "http_method", "status_code"],
        "REST_API_ID/RESOURCE_ID/HTTP_METHOD/STATUS_CODE",
    );
    below(piece)
        .under("status_code", "The status, such as `200`.")
        .field(Field::entries(
            flags(
                "response_parameters",
                "Headers such as `method.response.header.X-A`, and whether they must be there.",
            ),
            "responseParameters",
        ))
        .field(Field::entries(
            Attribute::texts_by_name("response_models", "Names of models by media type."),
            "responseModels",
        ))
}

fn integration() -> Piece {
    let piece = Piece::new(
        "edgeway_integration",
        "integration",
        "What answers a method of a REST API: a backend, a function, or the cluster itself.",
    )
    .at(
        "/restapis/{rest_api_id}/resources/{resource_id}/methods/{http_method}/integration",
        Make::Put,
        Style::Operations,
    )
    .within(LIST, |items, known| {
        found(items, known)?.get("methodIntegration").cloned()
    })
    .imported_by(
        &["rest_api_id", "resource_id", "http_method"],
        "REST_API_ID/RESOURCE_ID/HTTP_METHOD",
    );
    let piece = below(piece)
        .field(
            Field::plain(
                Attribute::text("type", "What kind of backend it is.")
                    .required()
                    .check(Check::OneOf(&[
                        "HTTP",
                        "HTTP_PROXY",
                        "AWS",
                        "AWS_PROXY",
                        "MOCK",
                    ])),
                "type",
            )
            .once(),
        )
        .field(Field::plain(
            Attribute::text(
                "integration_http_method",
                "The method of the backend's request.",
            ),
            "httpMethod",
        ))
        .field(Field::plain(
            Attribute::text("uri", "Where the backend is."),
            "uri",
        ));
    mapping(reaching(piece))
}

/// How the backend is reached.
fn reaching(piece: Piece) -> Piece {
    piece
        .field(
            Field::plain(
                Attribute::text("connection_type", "How the backend is reached.")
                    .check(Check::OneOf(&["INTERNET", "VPC_LINK"])),
                "connectionType",
            )
            .or_computed(),
        )
        .field(Field::plain(
            Attribute::text("connection_id", "The VPC link."),
            "connectionId",
        ))
        .field(Field::plain(
            Attribute::text(
                "integration_target",
                "The listener that a VPC link of HTTP APIs leads to, an ARN.",
            ),
            "integrationTarget",
        ))
        .field(
            Field::plain(
                Attribute::flag(
                    "tls_insecure_skip_verification",
                    "Whether the backend's certificate may be anybody's.",
                ),
                "tlsConfig/insecureSkipVerification",
            )
            .or_computed(),
        )
        .field(Field::plain(
            Attribute::text("credentials", "The role that calls to AWS are made with."),
            "credentials",
        ))
}

/// How requests are turned into the backend's.
fn mapping(piece: Piece) -> Piece {
    piece
        .field(Field::entries(
            Attribute::texts_by_name(
                "request_parameters",
                "What is put where, such as `integration.request.path.id`.",
            ),
            "requestParameters",
        ))
        .field(Field::entries(
            Attribute::texts_by_name("request_templates", "Templates by media type."),
            "requestTemplates",
        ))
        .field(Field::plain(
            Attribute::text(
                "passthrough_behavior",
                "What happens to bodies without a template.",
            )
            .or("WHEN_NO_MATCH")
            .check(Check::OneOf(&[
                "WHEN_NO_MATCH",
                "WHEN_NO_TEMPLATES",
                "NEVER",
            ])),
            "passthroughBehavior",
        ))
        .field(Field::plain(content_handling(), "contentHandling"))
        .field(Field::plain(
            Attribute::number("timeout_in_millis", "How long the backend may take.")
                .or(29_000)
                .check(Check::Range(50, 900_000)),
            "timeoutInMillis",
        ))
        .field(
            Field::plain(
                Attribute::text("cache_namespace", "What answers are kept under."),
                "cacheNamespace",
            )
            .or_computed(),
        )
        .field(Field::items(
            Attribute::text_set(
                "cache_key_parameters",
                "Parameters for whose values answers are kept apart.",
            ),
            "cacheKeyParameters",
        ))
        .field(Field::plain(
            Attribute::text("response_transfer_mode", "Whether answers are streamed.")
                .or("BUFFERED")
                .check(Check::OneOf(&["BUFFERED", "STREAM"])),
            "responseTransferMode",
        ))
}

fn content_handling() -> Attribute {
    Attribute::text(
        "content_handling",
        "How bodies are converted between text and bytes.",
    )
    .check(Check::OneOf(&["CONVERT_TO_BINARY", "CONVERT_TO_TEXT"]))
}

fn integration_response() -> Piece {
    let piece = Piece::new(
        "edgeway_integration_response",
        "integration response",
        "How an answer of the backend becomes one of the method's.",
    )
    .at(
        "/restapis/{rest_api_id}/resources/{resource_id}/methods/{http_method}/integration/\
         responses/{status_code}",
        Make::Put,
        Style::Operations,
    )
    .within(LIST, |items, known| {
        let integration = found(items, known)?.get("methodIntegration")?;
        let responses = integration.get("integrationResponses")?;
        responses.get(known.text("status_code")?).cloned()
    })
    .imported_by(
        &["rest_api_id", "resource_id", "http_method", "status_code"],
        "REST_API_ID/RESOURCE_ID/HTTP_METHOD/STATUS_CODE",
    );
    below(piece)
        .under("status_code", "The status, such as `200`.")
        .field(Field::plain(
            Attribute::text(
                "selection_pattern",
                "Which answers become this: a pattern of statuses or errors; null is all.",
            ),
            "selectionPattern",
        ))
        .field(Field::entries(
            Attribute::texts_by_name(
                "response_parameters",
                "What is put where, such as `method.response.header.X-A`.",
            ),
            "responseParameters",
        ))
        .field(Field::entries(
            Attribute::texts_by_name("response_templates", "Templates by media type."),
            "responseTemplates",
        ))
        .field(Field::plain(content_handling(), "contentHandling"))
}
