//! Operations of API Gateway v1 that this version has not: refused by name.

use crate::operation::{Operation, unsupported};

const ASSOCIATIONS: &str = "/domainnameaccessassociations";

pub(super) const OPERATIONS: &[Operation] = &[
    unsupported(
        "GetSdk",
        "GET",
        "/restapis/{api}/stages/{stage}/sdks/{type}",
    ),
    unsupported("GetSdkTypes", "GET", "/sdktypes"),
    unsupported("GetSdkType", "GET", "/sdktypes/{type}"),
    unsupported(
        "GetModelTemplate",
        "GET",
        "/restapis/{api}/models/{model}/default_template",
    ),
    unsupported(
        "ImportDocumentationParts",
        "PUT",
        "/restapis/{api}/documentation/parts",
    ),
    unsupported(
        "TestInvokeAuthorizer",
        "POST",
        "/restapis/{api}/authorizers/{authorizer}",
    ),
    unsupported("GetDomainNameAccessAssociations", "GET", ASSOCIATIONS),
    unsupported("CreateDomainNameAccessAssociation", "POST", ASSOCIATIONS),
    unsupported(
        "DeleteDomainNameAccessAssociation",
        "DELETE",
        "/domainnameaccessassociations/{arn+}",
    ),
    unsupported(
        "RejectDomainNameAccessAssociation",
        "POST",
        "/rejectdomainnameaccessassociations",
    ),
];
