//! Operations of API Gateway v1 that this version has not: refused by name.

use crate::operation::{Operation, unsupported};

pub(super) const OPERATIONS: &[Operation] = &[
    unsupported(
        "GetSdk",
        "GET",
        "/restapis/{api}/stages/{stage}/sdks/{type}",
    ),
    unsupported("GetSdkTypes", "GET", "/sdktypes"),
    unsupported("GetSdkType", "GET", "/sdktypes/{type}"),
];
