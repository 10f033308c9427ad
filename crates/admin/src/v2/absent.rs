//! Operations of API Gateway v2 that this version has not: refused by name.
//!
//! All of them are about portals, Amazon's hosted documentation sites.

use crate::operation::{Operation, unsupported};

/// What is not supported.
pub(crate) const ABSENT: &[Operation] = &[
    unsupported("ListPortalProducts", "GET", "/v2/portalproducts"),
    unsupported("CreatePortalProduct", "POST", "/v2/portalproducts"),
    unsupported("GetPortalProduct", "GET", "/v2/portalproducts/{id}"),
    unsupported("UpdatePortalProduct", "PATCH", "/v2/portalproducts/{id}"),
    unsupported("DeletePortalProduct", "DELETE", "/v2/portalproducts/{id}"),
    unsupported(
        "ListProductPages",
        "GET",
        "/v2/portalproducts/{id}/productpages",
    ),
    unsupported(
        "CreateProductPage",
        "POST",
        "/v2/portalproducts/{id}/productpages",
    ),
    unsupported(
        "GetProductPage",
        "GET",
        "/v2/portalproducts/{id}/productpages/{id}",
    ),
    unsupported(
        "UpdateProductPage",
        "PATCH",
        "/v2/portalproducts/{id}/productpages/{id}",
    ),
    unsupported(
        "DeleteProductPage",
        "DELETE",
        "/v2/portalproducts/{id}/productpages/{id}",
    ),
    unsupported(
        "ListProductRestEndpointPages",
        "GET",
        "/v2/portalproducts/{id}/productrestendpointpages",
    ),
    unsupported(
        "CreateProductRestEndpointPage",
        "POST",
        "/v2/portalproducts/{id}/productrestendpointpages",
    ),
    unsupported(
        "GetProductRestEndpointPage",
        "GET",
        "/v2/portalproducts/{id}/productrestendpointpages/{id}",
    ),
    unsupported(
        "UpdateProductRestEndpointPage",
        "PATCH",
        "/v2/portalproducts/{id}/productrestendpointpages/{id}",
    ),
    unsupported(
        "DeleteProductRestEndpointPage",
        "DELETE",
        "/v2/portalproducts/{id}/productrestendpointpages/{id}",
    ),
    unsupported(
        "GetPortalProductSharingPolicy",
        "GET",
        "/v2/portalproducts/{id}/sharingpolicy",
    ),
    unsupported(
        "PutPortalProductSharingPolicy",
        "PUT",
        "/v2/portalproducts/{id}/sharingpolicy",
    ),
    unsupported(
        "DeletePortalProductSharingPolicy",
        "DELETE",
        "/v2/portalproducts/{id}/sharingpolicy",
    ),
    unsupported("ListPortals", "GET", "/v2/portals"),
    unsupported("CreatePortal", "POST", "/v2/portals"),
    unsupported("GetPortal", "GET", "/v2/portals/{portal}"),
    unsupported("UpdatePortal", "PATCH", "/v2/portals/{portal}"),
    unsupported("DeletePortal", "DELETE", "/v2/portals/{portal}"),
    unsupported("PreviewPortal", "POST", "/v2/portals/{portal}/preview"),
    unsupported("PublishPortal", "POST", "/v2/portals/{portal}/publish"),
    unsupported("DisablePortal", "DELETE", "/v2/portals/{portal}/publish"),
];
