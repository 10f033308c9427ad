//! Wires trying methods and authorizers: the management API asks, the region of the same node runs
//! it.

use std::sync::Arc;

use admin::{AuthorizerTest, AuthorizerTested, Invoke, MethodTest, MethodTested};
use model::Config;
use region::{Region, Tester};
use serve::BoxFuture;

/// What the management API asks.
struct Local(Tester);

/// Tries methods in the current runtime.
pub(super) fn local(region: &Arc<Region>) -> Arc<dyn Invoke> {
    Arc::new(Local(Tester::new(region)))
}

impl Invoke for Local {
    fn method<'a>(
        &'a self,
        config: &'a Config,
        test: MethodTest,
    ) -> BoxFuture<'a, Result<MethodTested, String>> {
        let test = region::MethodTest {
            api: test.api,
            resource: test.resource,
            verb: test.verb,
            path_and_query: test.path_and_query,
            headers: test.headers,
            body: test.body,
            variables: test.variables,
        };
        Box::pin(async move {
            let tested = self.0.method(config, test).await?;
            Ok(MethodTested {
                status: tested.status,
                headers: tested.headers,
                body: tested.body,
                latency_ms: tested.latency_ms,
                log: tested.log,
            })
        })
    }

    fn authorizer<'a>(
        &'a self,
        config: &'a Config,
        test: AuthorizerTest,
    ) -> BoxFuture<'a, Result<AuthorizerTested, String>> {
        let test = region::AuthorizerTest {
            api: test.api,
            authorizer: test.authorizer,
            path_and_query: test.path_and_query,
            headers: test.headers,
            body: test.body,
            variables: test.variables,
        };
        Box::pin(async move {
            let tested = self.0.authorizer(config, test).await?;
            Ok(AuthorizerTested {
                client_status: tested.client_status,
                principal_id: tested.principal_id,
                policy: tested.policy,
                context: tested.context,
                claims: tested.claims,
                latency_ms: tested.latency_ms,
                log: tested.log,
            })
        })
    }
}
