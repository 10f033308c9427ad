//! Certificates for custom domain names, and where they are ordered.

use super::table::{Field, Left, Make, Piece, Style};
use crate::{
    cty::Value,
    framework::{Attribute, Check, Note, Path, Resource},
};

pub(super) fn all() -> Vec<Box<dyn Resource>> {
    vec![Box::new(certificate()), Box::new(settings())]
}

pub(super) fn certificate() -> Piece {
    let piece = Piece::new(
        "edgeway_certificate",
        "certificate",
        "A certificate for custom domain names: given with its key, or asked for by ACME. Another \
         chain or key takes the place of the former one wherever it is used. One that is asked for \
         is ordered once its names are domain names of the cluster, and renewed by itself.",
    )
    .at(
        "/edgeway/v1/certificates/{id}",
        Make::Post("/edgeway/v1/certificates"),
        Style::Put,
    )
    .listed("/edgeway/v1/certificates", "certificateId", "id")
    .imported_by(&["id"], "ID")
    .id("certificateId", "The certificate's id.")
    .field(Field::local(Attribute::text(
        "certificate",
        "The chain, PEM, in any order; without it, `acme` says what to order.",
    )))
    .field(Field::local(
        Attribute::text("private_key_wo", "The key, PEM (PKCS #8).")
            .sensitive()
            .write_only(),
    ))
    .field(Field::local(Attribute::number(
        "private_key_wo_version",
        "Any number; a change sends chain and key again.",
    )))
    .field(acme());
    answered(piece)
}

/// What is ordered.
fn acme() -> Field {
    let fields = vec![
        Field::plain(
            Attribute::text_set("names", "Names of custom domains of the cluster.").required(),
            "names",
        ),
        Field::plain(
            Attribute::text("challenge", "How the authority sees that they are ours.")
                .or("http-01")
                .check(Check::OneOf(&["http-01", "tls-alpn-01", "dns-01"])),
            "challenge",
        ),
    ];
    let description = "What to ask the cluster's ACME authority (`edgeway_acme`) for.";
    Field::object("acme", "acme", description, fields).once()
}

/// What is said of it.
fn answered(piece: Piece) -> Piece {
    piece
        .field(Field::plain(
            Attribute::text("arn", "How domain names refer to it.")
                .computed()
                .stable(),
            "certificateArn",
        ))
        .field(Field::plain(
            Attribute::text_list("names", "The names that it is for.").computed(),
            "names",
        ))
        .field(Field::plain(
            Attribute::text("not_after", "When it ends, RFC 3339.").computed(),
            "notAfter",
        ))
        .field(Field::plain(
            Attribute::text(
                "status",
                "`PENDING_VALIDATION` until it is there, `ISSUED`, `EXPIRED`.",
            )
            .computed(),
            "status",
        ))
        .fill(|body, planned, config| {
            if planned.attribute("acme").is_null() {
                body["certificate"] = planned.text("certificate").into();
                body["privateKey"] = config.text("private_key_wo").into();
            }
        })
        .shape(|body| {
            // The names of an order are those of the certificate.
            let (names, order) = (body["names"].clone(), &mut body["acme"]);
            if order.is_object() {
                order["names"] = names;
            }
        })
        .validate(one_source)
}

/// A certificate is given or asked for.
fn one_source(config: &Value) -> Vec<Note> {
    let is = |name: &str| !config.attribute(name).is_null();
    let problem = |summary: &str, name: &str| {
        let detail = "Give certificate, private_key_wo and private_key_wo_version, or acme.";
        vec![Note::error(summary, detail).at(Path::of(name))]
    };
    let given = ["certificate", "private_key_wo", "private_key_wo_version"];
    match given.iter().find(|name| is(name) == is("acme")) {
        Some(name) if is("acme") => problem("Two sources of the certificate", name),
        Some(name) => problem("The certificate is not complete", name),
        None => Vec::new(),
    }
}

fn settings() -> Piece {
    Piece::new(
        "edgeway_acme",
        "ACME directory",
        "The authority from which certificates are ordered, one for the cluster. Naming it means \
         that you agree to its terms of service.",
    )
    .at("/edgeway/v1/acme", Make::Put, Style::Put)
    .imported_by(&["id"], "acme")
    .field(Field::plain(
        Attribute::text(
            "directory",
            "Its directory, such as `https://acme-v02.api.letsencrypt.org/directory`.",
        )
        .required(),
        "directory",
    ))
    .field(Field::plain(
        Attribute::text_list(
            "contact",
            "Whom it may write to, such as `mailto:a@example.com`.",
        ),
        "contact",
    ))
    .field(Field::local(Attribute::text(
        "roots_pem",
        "Authorities to trust for the directory itself, PEM; those of the system unless given.",
    )))
    .fill(|body, planned, _| {
        if let Some(roots) = planned.text("roots_pem") {
            body["rootsPem"] = roots.into();
        }
    })
    .finish(|state, _| state.set("id", "acme"))
    .left(Left::AsItIs(
        "A cluster goes on with the directory that it has: certificates are renewed there.",
    ))
}
