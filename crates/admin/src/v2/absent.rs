//! Operations of API Gateway v2 that this version has not: refused by name.

use crate::operation::{Operation, unsupported};

const AUTHORIZERS: &str = "/v2/apis/{api}/authorizers";
const AUTHORIZER: &str = "/v2/apis/{api}/authorizers/{id}";
const MODELS: &str = "/v2/apis/{api}/models";
const MODEL: &str = "/v2/apis/{api}/models/{id}";
const INTEGRATION_RESPONSES: &str = "/v2/apis/{api}/integrations/{id}/integrationresponses";
const INTEGRATION_RESPONSE: &str =
    "/v2/apis/{api}/integrations/{id}/integrationresponses/{response}";
const ROUTE_RESPONSES: &str = "/v2/apis/{api}/routes/{id}/routeresponses";
const ROUTE_RESPONSE: &str = "/v2/apis/{api}/routes/{id}/routeresponses/{response}";
const RULES: &str = "/v2/domainnames/{domain}/routingrules";
const RULE: &str = "/v2/domainnames/{domain}/routingrules/{id}";
const VPC_LINKS: &str = "/v2/vpclinks";
const VPC_LINK: &str = "/v2/vpclinks/{id}";
const PORTALS: &str = "/v2/portals";
const PORTAL: &str = "/v2/portals/{rest+}";
const PRODUCTS: &str = "/v2/portalproducts";
const PRODUCT: &str = "/v2/portalproducts/{rest+}";

/// What is not supported. Portals have many operations; they share a name per method.
pub(crate) const ABSENT: &[Operation] = &[
    unsupported("GetAuthorizers", "GET", AUTHORIZERS),
    unsupported("CreateAuthorizer", "POST", AUTHORIZERS),
    unsupported("GetAuthorizer", "GET", AUTHORIZER),
    unsupported("UpdateAuthorizer", "PATCH", AUTHORIZER),
    unsupported("DeleteAuthorizer", "DELETE", AUTHORIZER),
    unsupported("GetModels", "GET", MODELS),
    unsupported("CreateModel", "POST", MODELS),
    unsupported("GetModel", "GET", MODEL),
    unsupported("UpdateModel", "PATCH", MODEL),
    unsupported("DeleteModel", "DELETE", MODEL),
    unsupported(
        "GetModelTemplate",
        "GET",
        "/v2/apis/{api}/models/{id}/template",
    ),
    unsupported("GetIntegrationResponses", "GET", INTEGRATION_RESPONSES),
    unsupported("CreateIntegrationResponse", "POST", INTEGRATION_RESPONSES),
    unsupported("GetIntegrationResponse", "GET", INTEGRATION_RESPONSE),
    unsupported("UpdateIntegrationResponse", "PATCH", INTEGRATION_RESPONSE),
    unsupported("DeleteIntegrationResponse", "DELETE", INTEGRATION_RESPONSE),
    unsupported("GetRouteResponses", "GET", ROUTE_RESPONSES),
    unsupported("CreateRouteResponse", "POST", ROUTE_RESPONSES),
    unsupported("GetRouteResponse", "GET", ROUTE_RESPONSE),
    unsupported("UpdateRouteResponse", "PATCH", ROUTE_RESPONSE),
    unsupported("DeleteRouteResponse", "DELETE", ROUTE_RESPONSE),
    unsupported(
        "DeleteRouteRequestParameter",
        "DELETE",
        "/v2/apis/{api}/routes/{id}/requestparameters/{key}",
    ),
    unsupported(
        "DeleteAccessLogSettings",
        "DELETE",
        "/v2/apis/{api}/stages/{name}/accesslogsettings",
    ),
    unsupported(
        "ResetAuthorizersCache",
        "DELETE",
        "/v2/apis/{api}/stages/{name}/cache/authorizers",
    ),
    unsupported(
        "DeleteRouteSettings",
        "DELETE",
        "/v2/apis/{api}/stages/{name}/routesettings/{key}",
    ),
    unsupported("ListRoutingRules", "GET", RULES),
    unsupported("CreateRoutingRule", "POST", RULES),
    unsupported("GetRoutingRule", "GET", RULE),
    unsupported("PutRoutingRule", "PUT", RULE),
    unsupported("DeleteRoutingRule", "DELETE", RULE),
    unsupported("GetVpcLinks", "GET", VPC_LINKS),
    unsupported("CreateVpcLink", "POST", VPC_LINKS),
    unsupported("GetVpcLink", "GET", VPC_LINK),
    unsupported("UpdateVpcLink", "PATCH", VPC_LINK),
    unsupported("DeleteVpcLink", "DELETE", VPC_LINK),
    unsupported("ListPortals", "GET", PORTALS),
    unsupported("CreatePortal", "POST", PORTALS),
    unsupported("GetPortal", "GET", PORTAL),
    unsupported("PublishPortal", "POST", PORTAL),
    unsupported("UpdatePortal", "PATCH", PORTAL),
    unsupported("DeletePortal", "DELETE", PORTAL),
    unsupported("ListPortalProducts", "GET", PRODUCTS),
    unsupported("CreatePortalProduct", "POST", PRODUCTS),
    unsupported("GetPortalProduct", "GET", PRODUCT),
    unsupported("CreateProductPage", "POST", PRODUCT),
    unsupported("UpdatePortalProduct", "PATCH", PRODUCT),
    unsupported("PutPortalProductSharingPolicy", "PUT", PRODUCT),
    unsupported("DeletePortalProduct", "DELETE", PRODUCT),
];
