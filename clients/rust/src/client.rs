//! The client: one channel to the sidecar.

use crate::{
    address,
    backoff::Backoff,
    call::Caller,
    error::{BoxError, DeadlineExceeded, Error},
    outcome::Committed,
    record::Record,
    rpc::{Rpc as _, Stub},
    trace::Trace,
    transact::Transact,
    transaction::{Begin, Transaction},
    v1::{
        GetServerInfoRequest, GetServerInfoResponse, ServingState,
        consume_service_client::ConsumeServiceClient,
    },
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::OnceCell, time::timeout};
use tonic::transport::Channel;

/// For what a client does until there is an outcome.
const DEADLINE: Duration = Duration::from_secs(60);
/// The sidecar's own default, for as long as it does not tell.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// A client of the sidecar. Clones are cheap and share its connection, which connects anew by itself: a call that is made while
/// the sidecar is away waits for it.
#[derive(Clone, Debug)]
pub struct Sidecommit {
    pub(crate) caller: Caller,
    pub(crate) consumer: ConsumeServiceClient<Channel>,
    info: Arc<OnceCell<GetServerInfoResponse>>,
}

/// Makes a client.
#[derive(Clone, Debug)]
pub struct Builder {
    address: Option<String>,
    deadline: Duration,
}

// === impl Sidecommit ===

impl Sidecommit {
    /// A client of the sidecar at `SIDECOMMIT_ADDRESS`, by default `unix:///run/sidecommit/api.sock`. It does not wait for the
    /// sidecar: calls do, and [`wait_ready`](Self::wait_ready).
    ///
    /// # Errors
    /// [`Error::BadRequest`]: the address is malformed.
    pub async fn connect() -> Result<Self, Error> {
        Self::builder().connect().await
    }

    /// A client with another address or deadline.
    pub fn builder() -> Builder {
        Builder { address: None, deadline: DEADLINE }
    }

    /// The same client with another deadline for what it does until there is an outcome.
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        let mut client = self.clone();
        client.caller.deadline = deadline;
        client
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// [`Error::DeadlineExceeded`], and what the sidecar refuses for good.
    pub async fn begin(&self) -> Result<Transaction, Error> {
        self.transaction().begin().await
    }

    /// A transaction that is to be begun, with options.
    pub fn transaction(&self) -> Begin<'_> {
        Begin::new(self)
    }

    /// Runs `work` in a transaction, and commits it. If `work` fails, the transaction is aborted; if the transaction was
    /// aborted by the sidecar, `work` runs again in a new one, five times at most. So `work` should have no effects but in the
    /// transaction.
    ///
    /// ```no_run
    /// # async fn example(client: sidecommit_client::Sidecommit) -> Result<(), sidecommit_client::Error> {
    /// use sidecommit_client::Record;
    /// let committed = client
    ///     .run(async |txn| {
    ///         txn.produce(Record::new("orders").key("4711").value("paid")).await?;
    ///         Ok(())
    ///     })
    ///     .await?;
    /// println!("{} is committed", committed.transaction_id);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Application`]: what `work` returned. [`Error::Aborted`] after the last attempt, and whatever else the sidecar
    /// refuses.
    pub async fn run<T, F>(&self, work: impl Fn(Arc<Transaction>) -> F) -> Result<Committed<T>, Error>
    where
        F: Future<Output = Result<T, BoxError>>,
    {
        self.transaction().run(work).await
    }

    /// A whole transaction in one call, the fastest way for small ones: `client.transact(records).await`.
    pub fn transact(&self, records: impl IntoIterator<Item = Record>) -> Transact<'_> {
        Transact::new(self, records.into_iter().map(Into::into).collect())
    }

    /// What the sidecar is, what it can do, and its limits.
    ///
    /// # Errors
    /// [`Error::DeadlineExceeded`].
    pub async fn server_info(&self) -> Result<GetServerInfoResponse, Error> {
        self.caller.call(GetServerInfoRequest {}, &Trace::current()).await
    }

    /// Waits until the sidecar serves.
    ///
    /// # Errors
    /// [`Error::DeadlineExceeded`]: it did not within `limit`.
    pub async fn wait_ready(&self, limit: Duration) -> Result<(), Error> {
        let client = self.with_deadline(limit);
        let mut backoff = Backoff::default();
        let ready = async {
            while client.server_info().await?.state() != ServingState::Ready {
                backoff.rest(None).await;
            }
            Ok(())
        };
        let exceeded = || DeadlineExceeded {
            call: GetServerInfoRequest::NAME,
            deadline: limit,
            in_doubt: false,
            transaction: None,
            last: None,
        };
        timeout(limit, ready).await.unwrap_or_else(|_| Err(Error::DeadlineExceeded(Box::new(exceeded()))))
    }

    /// How long the sidecar lets a transaction live without a call. Asked once.
    pub(crate) async fn idle_timeout(&self) -> Result<Duration, Error> {
        let info = self.info.get_or_try_init(|| self.server_info()).await?;
        let timeout = info.limits.as_ref().and_then(|limits| limits.idle_timeout);
        Ok(timeout.and_then(|timeout| timeout.try_into().ok()).unwrap_or(IDLE_TIMEOUT))
    }
}

// === impl Builder ===

impl Builder {
    /// Sets where the sidecar is: `unix:///path`, `unix:/path` or `host:port`.
    #[must_use]
    pub fn address(mut self, address: impl Into<String>) -> Self {
        self.address = Some(address.into());
        self
    }

    /// Sets the deadline for what the client does until there is an outcome; 60 s by default.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Makes the client. It does not wait for the sidecar. To be called within a tokio runtime.
    ///
    /// # Errors
    /// [`Error::BadRequest`]: the address is malformed.
    pub async fn connect(self) -> Result<Sidecommit, Error> {
        let address = address::choose(self.address, std::env::var(address::VARIABLE).ok());
        let channel = address::endpoint(&address)?.connect_lazy();
        Ok(Sidecommit {
            caller: Caller { stub: Stub::new(channel.clone()), deadline: self.deadline },
            consumer: ConsumeServiceClient::new(channel),
            info: Arc::default(),
        })
    }
}
