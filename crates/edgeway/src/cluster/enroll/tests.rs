//! Joining and renewal, against a real ledger of one node.

use std::{sync::Arc, time::SystemTime};

use ledger::{Ledger, LedgerSettings};
use link::{CertificateRequest, Credentials, NodeIdentity, PeerRole, RpcHandler, RpcRefusal};
use model::{AccessKey, Authority, Cluster, JoinToken, Node, NodeId, NodeRole, Op, Region};
use serde::de::DeserializeOwned;

use super::{NODE_TTL, Registrar, Renewer, identity};
use crate::cluster::{
    membership::{change, now_ms},
    message::{self, JoinAnswer, JoinRequest, RenewAnswer, RenewRequest},
};

const SECRET: [u8; 32] = [7; 32];

async fn cluster(folder: &std::path::Path) -> Ledger {
    let _already_installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let settings = LedgerSettings::new("test", NodeId(1), folder).local();
    let ledger = Ledger::open_alone(settings, &prometheus::Registry::new())
        .await
        .unwrap();
    let authority = link::Authority::create("test", NODE_TTL, SystemTime::now()).unwrap();
    let region = Region {
        name: "us-east-1".into(),
        location: None,
    };
    let op = Op::Bootstrap {
        cluster: Cluster {
            name: "test".into(),
            base_domain: "edgeway.test".into(),
            account_id: "000000000000".into(),
            authority: Authority {
                certificate_der: authority.cert_der().to_vec(),
                key_der: authority.key_der(),
            },
            created_ms: 1,
            format: model::codec::Level::OLDEST,
        },
        node: Node {
            id: NodeId(1),
            role: NodeRole::Region(region.name.clone()),
            link: "127.0.0.1:1".parse().unwrap(),
            public: vec![],
            management: None,
            joined_ms: 1,
        },
        region,
        key: Box::new(AccessKey::unrestricted("AKIA", "s", "admin", 1)),
    };
    let link = "127.0.0.1:1".parse().unwrap();
    ledger
        .bootstrap(link, change("test", op))
        .await
        .unwrap()
        .outcome
        .unwrap();
    let token = JoinToken {
        id: "t1".into(),
        secret_sha256: link::hash_secret(&SECRET),
        role: NodeRole::Pop("pop-1".into()),
        created_ms: 0,
        expires_ms: now_ms() + 60_000,
        uses_max: 1,
        used_by: Vec::new(),
    };
    let op = Op::CreateJoinToken(token);
    ledger
        .propose(change("test", op))
        .await
        .unwrap()
        .outcome
        .unwrap();
    ledger
}

fn request(csr_der: &[u8], secret: [u8; 32]) -> JoinRequest {
    JoinRequest {
        format: model::codec::Level::NEWEST,
        token: "t1".to_owned(),
        secret,
        csr_der: csr_der.to_vec(),
        link: "127.0.0.1:2".parse().unwrap(),
        public: vec![],
        management: None,
        location: None,
        offered: model::codec::Since(None),
    }
}

fn registrar(ledger: &Ledger) -> Registrar {
    let registry = prometheus::Registry::new();
    let region = region::Region::new(
        region::RegionSettings::new("us-east-1", 1),
        ledger.config(),
        &registry,
        serve::Drain::new(std::time::Duration::ZERO),
    );
    Registrar {
        ledger: ledger.clone(),
        region: region.unwrap(),
        metrics: crate::metrics::Metrics::register(&registry).unwrap(),
    }
}

async fn ask<T: DeserializeOwned>(
    handler: &dyn RpcHandler,
    from: Option<NodeIdentity>,
    body: &impl serde::Serialize,
) -> Result<T, RpcRefusal> {
    let body = message::encode(body).unwrap();
    let answer = handler.rpc(from.map(Arc::new), body).await?;
    Ok(message::decode(&answer).unwrap())
}

#[tokio::test]
async fn a_token_gives_one_identity_and_the_identity_renews_until_removed() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = cluster(folder.path()).await;
    let registrar = registrar(&ledger);
    let csr = CertificateRequest::fresh().unwrap();

    let wrong = request(csr.csr_der(), [8; 32]);
    let refused = ask::<JoinAnswer>(&registrar, None, &wrong)
        .await
        .unwrap_err();
    assert!(refused.message.contains("not known"), "{}", refused.message);
    let right = request(csr.csr_der(), SECRET);
    let answer: JoinAnswer = ask(&registrar, None, &right).await.unwrap();
    assert_eq!(answer.role, NodeRole::Pop("pop-1".into()));
    let joined = Credentials::from_csr(&csr, answer.chain_der, answer.ca_der).unwrap();
    let expected = NodeIdentity::new("test", PeerRole::Pop, "pop-1", 2).unwrap();
    assert_eq!(*joined.identity(), expected);
    let again = ask::<JoinAnswer>(&registrar, None, &right)
        .await
        .unwrap_err();
    assert!(again.message.contains("has been used"), "{}", again.message);

    let renewer = Renewer {
        ledger: ledger.clone(),
    };
    let fresh = CertificateRequest::fresh().unwrap();
    let renew = RenewRequest {
        csr_der: fresh.csr_der().to_vec(),
    };
    let from = identity("test", &answer.role, answer.node).unwrap();
    let answer: RenewAnswer = ask(&renewer, Some(from.clone()), &renew).await.unwrap();
    let renewed = Credentials::from_csr(&fresh, answer.chain_der, answer.ca_der).unwrap();
    assert_eq!(*renewed.identity(), expected);
    assert!(renewed.renew_at() < renewed.not_after());

    let gone = ledger
        .propose(change("test", Op::DeleteNode(NodeId(2))))
        .await
        .unwrap();
    gone.outcome.unwrap();
    let refused = ask::<RenewAnswer>(&renewer, Some(from), &renew)
        .await
        .unwrap_err();
    assert!(
        refused.message.contains("was removed"),
        "{}",
        refused.message
    );
}
