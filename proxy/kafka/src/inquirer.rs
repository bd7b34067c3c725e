//! Asks the coordinators of groups what was committed.
//!
//! librdkafka remembers who coordinates a group, and forgets it 15 minutes after it was last asked for; only what a transaction sends has
//! it look again (rdkafka_coord.c). Asked again and again it therefore asks a broker for ever that does not coordinate the group any more, and
//! waits for ever for one that is gone: <https://github.com/confluentinc/librdkafka/issues/5456>,
//! <https://github.com/confluentinc/librdkafka/issues/5511>. What would remember nothing is a new client.

use crate::{
    ClientSettings, Error,
    client::{self, Logged, QUIET},
};
use rdkafka::{ClientConfig, admin::AdminClient, client::Client};
use std::{
    fmt,
    time::{Duration, Instant},
};

/// How long a client is given to find a coordinator before another one tries; a new one knows nobody yet.
const PATIENCE: Duration = Duration::from_secs(5);

/// Lets another client ask when one has failed.
pub(crate) struct Inquirer {
    config: ClientConfig,
    /// Since when it asks instead of the owner's client.
    another: Option<(Instant, AdminClient<Logged>)>,
}

// === impl Inquirer ===

impl Inquirer {
    pub(crate) fn new(settings: &ClientSettings) -> Self {
        let mut config = settings.admin();
        // Its log is dropped: nothing polls the queue that it would go to.
        config.set_log_level(QUIET);
        Self { config, another: None }
    }

    /// Who is to be asked: the owner's own client, until that has failed.
    pub(crate) fn client<'a>(&'a self, own: &'a Client<Logged>) -> &'a Client<Logged> {
        self.another.as_ref().map_or(own, |(_, another)| another.inner())
    }

    /// A question had no answer, or not by the group's coordinator.
    ///
    /// # Errors
    /// [`Error::CreateClient`].
    pub(crate) fn failed(&mut self, now: Instant) -> Result<(), Error> {
        if self.another.as_ref().is_none_or(|(since, _)| now.duration_since(*since) >= PATIENCE) {
            tracing::debug!("another client looks for the group's coordinator");
            self.another = Some((now, client::create(&self.config, Logged)?));
        }
        Ok(())
    }
}

impl fmt::Debug for Inquirer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inquirer").field("since", &self.another.as_ref().map(|(since, _)| since)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Properties;
    use std::ptr;

    #[test]
    fn a_client_that_failed_is_replaced_once_it_had_its_time() {
        let settings =
            ClientSettings { bootstrap_servers: "127.0.0.1:1".to_owned(), properties: Properties::default() };
        let own: AdminClient<Logged> = client::create(&settings.admin(), Logged).expect("a client");
        let own = own.inner();
        let mut inquirer = Inquirer::new(&settings);
        let start = Instant::now();
        assert!(ptr::eq(inquirer.client(own), own));
        inquirer.failed(start).expect("another one");
        let second = inquirer.client(own).native_ptr();
        assert_ne!(second, own.native_ptr());
        inquirer.failed(start + PATIENCE / 2).expect("the same");
        assert_eq!(inquirer.client(own).native_ptr(), second);
        inquirer.failed(start + PATIENCE).expect("a third");
        assert!(!ptr::eq(inquirer.client(own), own));
        assert_eq!(inquirer.another.as_ref().map(|(since, _)| *since), Some(start + PATIENCE));
    }
}
