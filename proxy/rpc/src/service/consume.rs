//! ConsumeService: a task per stream passes on what its application says and what it is told.
//!
//! What the application is told waits without a bound of its own for the application to read it: its credit is the bound.
//! So what an application says is heard although it does not read.

use crate::{
    Backend, convert,
    proto::v1::{self, consume_service_server::ConsumeService},
};
use sidecommit_core::{Reason, Refusal};
use std::{pin::Pin, sync::Arc};
use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::UnboundedReceiverStream};
use tonic::{Request, Response, Status, Streaming};

pub(crate) struct Consuming<B> {
    pub(crate) backend: Arc<B>,
}

type Responses = mpsc::UnboundedSender<Result<v1::ConsumeResponse, Status>>;

#[tonic::async_trait]
impl<B: Backend> ConsumeService for Consuming<B> {
    type ConsumeStream = Pin<Box<dyn Stream<Item = Result<v1::ConsumeResponse, Status>> + Send>>;

    async fn consume(
        &self,
        request: Request<Streaming<v1::ConsumeRequest>>,
    ) -> Result<Response<Self::ConsumeStream>, Status> {
        let (told, responses) = mpsc::unbounded_channel();
        tokio::spawn(run(self.backend.clone(), request.into_inner(), told));
        Ok(Response::new(Box::pin(UnboundedReceiverStream::new(responses))))
    }
}

async fn run<B: Backend>(backend: Arc<B>, said: Streaming<v1::ConsumeRequest>, told: Responses) {
    let end = tokio::select! {
        // The response is gone: the application has hung up, in whatever way.
        () = told.closed() => return,
        end = pass(&*backend, said, &told) => end,
    };
    if let Err(status) = end {
        // An application that has hung up just now need not be told.
        let _ = told.send(Err(status));
    }
}

/// Until either side ends the stream. The application's half-close is an end too.
async fn pass<B: Backend>(
    backend: &B,
    mut said: Streaming<v1::ConsumeRequest>,
    told: &Responses,
) -> Result<(), Status> {
    let refused = |refusal: Refusal| crate::status(&refusal);
    let Some(first) = said.message().await? else { return Ok(()) };
    let subscribe = convert::first(backend, first).await.map_err(refused)?;
    let cluster_id = backend.info().cluster_id;
    let mut stream = backend.consume(subscribe);
    loop {
        tokio::select! {
            message = said.message() => match message? {
                Some(message) => stream.tell(convert::event(message).map_err(refused)?),
                None => return Ok(()),
            },
            item = stream.next() => {
                let item = item.unwrap_or_else(|| Err(gone())).map_err(refused)?;
                let _ = told.send(Ok(convert::told(item, &cluster_id)));
            }
        }
    }
}

fn gone() -> Refusal {
    Refusal::new(Reason::Draining, "the sidecar stops")
}
