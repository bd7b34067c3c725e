//! `sidecommit resume`.

use super::{Operator, SettingsArgs, block_on, client, output};
use crate::{exit::Failure, settings::Environment};
use sidecommit_rpc::proto::v1::{ResumeRequest, admin_service_client::AdminServiceClient};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    settings: SettingsArgs<Operator>,
}

/// Asks the sidecar to claim its slot again.
pub(super) fn run(args: &Args, environment: &Environment) -> Result<(), Failure> {
    let settings = args.settings.load(environment)?;
    block_on(async {
        let mut admin = AdminServiceClient::new(client::admin(&settings).await?);
        admin.resume(ResumeRequest {}).await.map_err(|status| client::failure(&status))?;
        output::print("the slot is being claimed again; `sidecommit healthcheck` tells how it goes\n")
    })
}
