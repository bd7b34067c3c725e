//! The unary calls, each by its request.

use crate::{
    outcome::TransactionName,
    v1::{
        AbortRequest, AbortResponse, BeginRequest, BeginResponse, CommitRequest, CommitResponse,
        GetServerInfoRequest, GetServerInfoResponse, GetTransactionRequest, GetTransactionResponse,
        KeepAliveRequest, KeepAliveResponse, ProduceRequest, ProduceResponse, SendOffsetsRequest,
        SendOffsetsResponse, TransactRequest, TransactResponse, get_transaction_request::By,
        transaction_service_client::TransactionServiceClient,
    },
};
use tonic::{Request, Response, Status, transport::Channel};

/// What sends them.
pub(crate) type Stub = TransactionServiceClient<Channel>;

/// A request that may be repeated.
pub(crate) trait Rpc: Clone + Send + Sync {
    type Response: Send;
    /// As the proto calls it.
    const NAME: &'static str;
    /// Whether it is in doubt what became of the transaction where no answer comes.
    const DECIDES: bool;

    fn send(
        stub: Stub,
        request: Request<Self>,
    ) -> impl Future<Output = Result<Response<Self::Response>, Status>> + Send;

    /// The transaction it is about.
    fn transaction(&self) -> Option<TransactionName>;
}

const DECIDES: bool = true;
const HARMLESS: bool = false;

macro_rules! rpc {
    ($request:ty => $response:ty, $name:literal, $method:ident, $decides:expr, |$this:ident| $transaction:expr) => {
        impl Rpc for $request {
            type Response = $response;
            const NAME: &'static str = $name;
            const DECIDES: bool = $decides;

            async fn send(
                mut stub: Stub,
                request: Request<Self>,
            ) -> Result<Response<Self::Response>, Status> {
                stub.$method(request).await
            }

            fn transaction(&self) -> Option<TransactionName> {
                let $this = self;
                $transaction
            }
        }
    };
}

rpc!(GetServerInfoRequest => GetServerInfoResponse, "GetServerInfo", get_server_info, HARMLESS, |_it| None);
rpc!(BeginRequest => BeginResponse, "Begin", begin, HARMLESS, |it| {
    Some(TransactionName::RequestId(it.request_id.clone()))
});
rpc!(ProduceRequest => ProduceResponse, "Produce", produce, HARMLESS, |it| by_id(&it.transaction_id));
rpc!(SendOffsetsRequest => SendOffsetsResponse, "SendOffsets", send_offsets, HARMLESS, |it| {
    by_id(&it.transaction_id)
});
rpc!(KeepAliveRequest => KeepAliveResponse, "KeepAlive", keep_alive, HARMLESS, |_it| None);
rpc!(CommitRequest => CommitResponse, "Commit", commit, DECIDES, |it| by_id(&it.transaction_id));
rpc!(AbortRequest => AbortResponse, "Abort", abort, DECIDES, |it| by_id(&it.transaction_id));
rpc!(TransactRequest => TransactResponse, "Transact", transact, DECIDES, |it| {
    Some(TransactionName::IdempotencyKey(it.idempotency_key.clone()))
});
rpc!(GetTransactionRequest => GetTransactionResponse, "GetTransaction", get_transaction, HARMLESS, |it| {
    it.by.clone().map(|by| match by {
        By::TransactionId(id) => TransactionName::TransactionId(id),
        By::RequestId(id) => TransactionName::RequestId(id),
        By::IdempotencyKey(key) => TransactionName::IdempotencyKey(key),
    })
});

fn by_id(id: &str) -> Option<TransactionName> {
    Some(TransactionName::TransactionId(id.to_owned()))
}
