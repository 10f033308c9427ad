//! `member`: who belongs to the cluster.

use http::Method;

use super::{say, token};
use crate::client::Target;

/// What to do with members.
#[derive(clap::Subcommand)]
pub enum Member {
    /// Make a token for a new node, and say how to start it.
    Add(token::Options),
    /// Give a region node that only learns a vote.
    Promote(One),
    /// Tell a node to drain: nobody new is sent to it. Remove it next.
    Drain(One),
    /// Remove a node: it leaves Raft and DNS, and its certificate is not renewed.
    Remove(One),
    /// Forget a region or POP that has no nodes any more.
    RemovePlace(Place),
}

/// A region or a POP.
#[derive(clap::Args)]
pub struct Place {
    #[command(flatten)]
    target: Target,
    /// What the place is.
    #[arg(long, value_parser = ["region", "pop"])]
    role: String,
    /// Its name.
    #[arg(long)]
    place: String,
}

/// One node.
#[derive(clap::Args)]
pub struct One {
    #[command(flatten)]
    target: Target,
    /// Its number, as `edgeway status` shows it.
    node: u64,
}

pub(super) async fn run(member: &Member) -> anyhow::Result<()> {
    match member {
        Member::Add(options) => {
            token::run(options).await?;
            say(
                "\nput it into EDGEWAY_JOIN_TOKEN on the new machine and run:\n  \
                 edgeway start --config edgeway.toml",
            )
        }
        Member::Promote(one) => {
            let path = format!("/edgeway/v1/nodes/{}/promote", one.node);
            one.target.client()?.call(Method::POST, &path, None).await?;
            say(&format!("node {} votes", one.node))
        }
        Member::Drain(one) => {
            let path = format!("/edgeway/v1/nodes/{}/drain", one.node);
            one.target.client()?.call(Method::POST, &path, None).await?;
            say(&format!("node {} drains", one.node))
        }
        Member::Remove(one) => {
            let path = format!("/edgeway/v1/nodes/{}", one.node);
            one.target
                .client()?
                .call(Method::DELETE, &path, None)
                .await?;
            say(&format!("node {} is removed; stop its process", one.node))
        }
        Member::RemovePlace(place) => {
            let path = format!("/edgeway/v1/{}s/{}", place.role, place.place);
            place
                .target
                .client()?
                .call(Method::DELETE, &path, None)
                .await?;
            say(&format!("{} {} is forgotten", place.role, place.place))
        }
    }
}
