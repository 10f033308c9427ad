//! Certificates by which backends know the cluster.

use super::table::{Field, Make, Piece, Style};
use crate::framework::{Attribute, Resource};

pub(super) fn all() -> Vec<Box<dyn Resource>> {
    vec![Box::new(client_certificate())]
}

fn client_certificate() -> Piece {
    Piece::new(
        "edgeway_client_certificate",
        "client certificate",
        "A certificate that the cluster makes, keeps the key of, and shows to backends of stages \
         that name it. Make another one before it ends.",
    )
    .at(
        "/clientcertificates/{id}",
        Make::Post("/clientcertificates"),
        Style::Operations,
    )
    .listed("/clientcertificates", "clientCertificateId", "id")
    .imported_by(&["id"], "ID")
    .id("clientCertificateId", "The certificate's id.")
    .field(Field::plain(
        Attribute::text("description", "What it is for."),
        "description",
    ))
    .field(Field::plain(
        Attribute::text("pem_encoded_certificate", "The certificate, PEM.")
            .computed()
            .stable(),
        "pemEncodedCertificate",
    ))
    .field(Field::plain(
        Attribute::number("created_date", "When it was made, seconds since 1970.")
            .computed()
            .stable(),
        "createdDate",
    ))
    .field(Field::plain(
        Attribute::number("expiration_date", "When it ends, seconds since 1970.")
            .computed()
            .stable(),
        "expirationDate",
    ))
    .tagged("/clientcertificates/{id}")
}
