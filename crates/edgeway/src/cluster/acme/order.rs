//! One order (RFC 8555, section 7.4): account, challenges, answers on every node, certificate.

use std::{sync::Arc, time::Duration};

use admin::{Chain, Fleet as _};
use anyhow::{Context as _, bail, ensure};
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Error, Identifier,
    KeyAuthorization, NewAccount, NewOrder, Order, OrderStatus, RetryPolicy,
};
use model::{
    AcmeAccount, AcmeChange, AcmeSettings, Certificate, ChallengeAnswer, ChallengeKind, Config,
    Revision,
};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};

use super::{Parts, due::Issued, propose};
use crate::{client::authority, cluster::membership::now_ms};

/// How long the nodes may take to have an answer before the authority is sent to them all the same.
const SPREAD_TIMEOUT: Duration = Duration::from_secs(15);
/// How often the nodes are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Longest wait for validation, and for the certificate after it.
const POLL: RetryPolicy = RetryPolicy::new()
    .initial_delay(Duration::from_millis(250))
    .backoff(1.3)
    .timeout(Duration::from_secs(60));

/// Runs an order to its end; the answers to its challenges are withdrawn by whoever proposes the
/// outcome.
pub(super) async fn place(
    parts: &Parts,
    config: &Config,
    certificate: &Certificate,
) -> anyhow::Result<Issued> {
    let settings = config.acme.settings.as_ref().context("no ACME directory")?;
    let known = certificate
        .acme
        .as_ref()
        .context("not an ACME certificate")?;
    let mut order = open(parts, config, settings, certificate).await?;
    let answers = answers(&mut order, known.challenge).await?;
    if !answers.is_empty() {
        let revision = propose(
            parts,
            AcmeChange::Answer {
                certificate: certificate.id.clone(),
                answers,
            },
        );
        spread(parts, revision.await?).await;
        validate(&mut order, known.challenge).await?;
    }
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(certificate.names.clone())?;
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&key)?;
    order
        .finalize_csr(request.der())
        .await
        .context("the authority refuses the certificate request")?;
    let chain = order.poll_certificate(&POLL).await;
    let chain = chain.context("the authority does not hand out the certificate")?;
    accept(certificate, &chain, &key)
}

/// The order, with the cluster's account or a new one.
async fn open(
    parts: &Parts,
    config: &Config,
    settings: &AcmeSettings,
    certificate: &Certificate,
) -> anyhow::Result<Order> {
    let names = certificate.names.iter().cloned().map(Identifier::Dns);
    let names: Vec<Identifier> = names.collect();
    let wanted = NewOrder::new(&names);
    let refused = "the authority refuses the order";
    if let Some(known) = &config.acme.account {
        let account = restore(settings, known).await?;
        match account.new_order(&wanted).await {
            Err(error) if is_unknown_account(&error) => {
                tracing::warn!("the authority does not know the ACME account; making another");
            }
            other => return other.context(refused),
        }
    }
    let account = register(parts, settings).await?;
    account.new_order(&wanted).await.context(refused)
}

fn is_unknown_account(error: &Error) -> bool {
    let Error::Api(problem) = error else {
        return false;
    };
    problem.r#type.as_deref() == Some("urn:ietf:params:acme:error:accountDoesNotExist")
}

async fn restore(settings: &AcmeSettings, known: &AcmeAccount) -> anyhow::Result<Account> {
    let credentials: AccountCredentials =
        serde_json::from_str(&known.credentials).context("the stored ACME account")?;
    let builder = Account::builder_with_http(authority::client(settings)?);
    Ok(builder.from_credentials(credentials).await?)
}

async fn register(parts: &Parts, settings: &AcmeSettings) -> anyhow::Result<Account> {
    let contact: Vec<&str> = settings.contact.iter().map(String::as_str).collect();
    let wanted = NewAccount {
        contact: &contact,
        // Whoever configures a directory has read its terms; the documentation says so.
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let builder = Account::builder_with_http(authority::client(settings)?);
    let (account, credentials) = builder
        .create(&wanted, settings.directory.clone(), None)
        .await
        .context("the authority refuses an account")?;
    let account_of_ours = AcmeAccount {
        directory: settings.directory.clone(),
        credentials: serde_json::to_string(&credentials)?,
    };
    propose(parts, AcmeChange::KeepAccount(account_of_ours)).await?;
    Ok(account)
}

/// The answers to the challenges of names that the authority has not validated lately.
async fn answers(order: &mut Order, kind: ChallengeKind) -> anyhow::Result<Vec<ChallengeAnswer>> {
    let mut answers = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        match authorization.status {
            AuthorizationStatus::Valid => continue,
            AuthorizationStatus::Pending => {}
            other => bail!("the authority begins with an authorization that is {other:?}"),
        }
        let challenge = authorization.challenge(wire(kind)).with_context(|| {
            format!(
                "the authority does not offer {} for this name",
                kind.as_str()
            )
        })?;
        let Identifier::Dns(name) = challenge.identifier().identifier else {
            bail!("the authority asks for something that is no DNS name");
        };
        let (name, token) = (name.to_ascii_lowercase(), challenge.token.clone());
        answers.push(answer(kind, name, token, &challenge.key_authorization())?);
    }
    Ok(answers)
}

const fn wire(kind: ChallengeKind) -> ChallengeType {
    match kind {
        ChallengeKind::Http01 => ChallengeType::Http01,
        ChallengeKind::TlsAlpn01 => ChallengeType::TlsAlpn01,
        ChallengeKind::Dns01 => ChallengeType::Dns01,
    }
}

fn answer(
    kind: ChallengeKind,
    name: String,
    token: String,
    authorization: &KeyAuthorization,
) -> anyhow::Result<ChallengeAnswer> {
    Ok(match kind {
        ChallengeKind::Http01 => ChallengeAnswer::Http {
            name,
            token,
            content: authorization.as_str().to_owned(),
        },
        ChallengeKind::TlsAlpn01 => {
            let key = KeyPair::generate()?;
            let mut params = CertificateParams::new(vec![name.clone()])?;
            let digest = authorization.digest();
            let extension = CustomExtension::new_acme_identifier(digest.as_ref());
            params.custom_extensions.push(extension);
            ChallengeAnswer::Tls {
                name,
                certificate_der: params.self_signed(&key)?.der().to_vec(),
                key_der: key.serialize_der(),
            }
        }
        ChallengeKind::Dns01 => ChallengeAnswer::Dns {
            name,
            text: authorization.dns_value(),
        },
    })
}

/// Waits until every living node gives the answers: any of them may be asked.
async fn spread(parts: &Parts, revision: Revision) {
    let everywhere = async {
        loop {
            let config = Arc::clone(&parts.ledger.config().borrow());
            let live = parts.fleet.live();
            let mut known = live
                .iter()
                .filter(|node| config.nodes.contains_key(&node.node));
            if known.all(|node| node.revision >= revision) {
                return;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    if tokio::time::timeout(SPREAD_TIMEOUT, everywhere)
        .await
        .is_err()
    {
        tracing::warn!(%revision, "a node lags; the authority may ask it in vain");
    }
}

async fn validate(order: &mut Order, kind: ChallengeKind) -> anyhow::Result<()> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Pending
            && let Some(mut challenge) = authorization.challenge(wire(kind))
        {
            challenge.set_ready().await?;
        }
    }
    match order.poll_ready(&POLL).await {
        Ok(OrderStatus::Ready) => Ok(()),
        other => {
            let why = reasons(order).await;
            match other {
                _ if !why.is_empty() => bail!("validation failed: {}", why.join("; ")),
                Ok(status) => bail!("validation failed: the order is {status:?}"),
                Err(error) => Err(error).context("validation failed"),
            }
        }
    }
}

/// What the authority says of each name that it could not validate.
async fn reasons(order: &mut Order) -> Vec<String> {
    let mut reasons = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else {
            continue;
        };
        let name = state.identifier().to_string();
        let failed = state.challenges.iter().filter_map(|one| one.error.as_ref());
        reasons.extend(failed.map(|problem| format!("{name}: {problem}")));
    }
    reasons
}

/// Takes a certificate only if it is what was asked for.
fn accept(certificate: &Certificate, chain: &str, key: &KeyPair) -> anyhow::Result<Issued> {
    let chain = Chain::read(chain, &key.serialize_pem())
        .context("the authority's certificate is not usable")?;
    for name in &certificate.names {
        ensure!(
            chain.names.contains(name),
            "the authority's certificate lacks {name}"
        );
    }
    let now_ms = now_ms();
    ensure!(
        chain.not_after_ms > now_ms,
        "the authority's certificate has expired already"
    );
    Ok(Issued {
        certificate: Certificate {
            chain_der: chain.chain_der,
            key_der: chain.key_der,
            not_after_ms: chain.not_after_ms,
            ..certificate.clone()
        },
        not_before_ms: chain.not_before_ms,
        now_ms,
    })
}
