//! What the rules do to a connection, seen from both of its ends. The broker is a list of what it was sent, and echoes.

use super::*;
use crate::{Counts, frame::Frames};
use bytes::{BufMut as _, BytesMut};
use tokio::{
    io::AsyncWriteExt as _,
    net::tcp::{OwnedReadHalf, OwnedWriteHalf},
    sync::{Semaphore, mpsc},
};

/// A client, the proxy, and what the broker executes.
struct Rig {
    proxy: FaultProxy,
    executed: mpsc::UnboundedReceiver<i32>,
}

struct Client {
    to: OwnedWriteHalf,
    from: Frames<OwnedReadHalf>,
}

impl Rig {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let broker = listener.local_addr().expect("is bound").to_string();
        let (sender, executed) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(echo(connection, sender.clone()));
            }
        });
        Self { proxy: FaultProxy::start(&broker).await.expect("starts"), executed }
    }

    async fn client(&self) -> Client {
        let connection = TcpStream::connect(self.proxy.bootstrap()).await.expect("is accepted");
        let (from, to) = connection.into_split();
        Client { to, from: Frames::new(from) }
    }

    async fn executed(&mut self) -> i32 {
        within(self.executed.recv()).await.expect("the broker lives")
    }
}

impl Client {
    async fn send(&mut self, correlation_id: i32) {
        let mut frame = BytesMut::new();
        frame.put_i32(10);
        frame.put_i16(Api::END_TXN.0);
        frame.put_i16(1);
        frame.put_i32(correlation_id);
        frame.put_i16(-1);
        self.to.write_all(&frame).await.expect("the proxy reads");
    }

    /// The next reply's correlation_id; None if the connection is gone.
    async fn reply(&mut self) -> Option<i32> {
        within(self.from.next()).await.ok().flatten().map(|reply| id(&reply))
    }
}

async fn within<T>(waits: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), waits).await.expect("within 60 s")
}

fn id(reply: &[u8]) -> i32 {
    crate::frame::correlation_id(reply).expect("a reply")
}

async fn echo(connection: TcpStream, executed: mpsc::UnboundedSender<i32>) {
    let (from, mut to) = connection.into_split();
    let mut from = Frames::new(from);
    while let Ok(Some(frame)) = from.next().await {
        let request = Request::parse(frame.freeze()).expect("a request");
        executed.send(request.correlation_id).expect("the test listens");
        let mut reply = BytesMut::new();
        reply.put_i32(4);
        reply.put_i32(request.correlation_id);
        if to.write_all(&reply).await.is_err() {
            return;
        }
    }
}

const END: Api = Api::END_TXN;

#[tokio::test]
async fn without_a_rule_everything_passes_and_is_counted() {
    let mut rig = Rig::new().await;
    let mut client = rig.client().await;
    for n in 1..=3 {
        client.send(n).await;
        assert_eq!((rig.executed().await, client.reply().await), (n, Some(n)));
    }
    rig.proxy.until("all passed", |tally| tally.of(END, Side::Reply).forwarded == 3).await;
    let passed = Counts { seen: 3, forwarded: 3, ..Counts::default() };
    let tally = rig.proxy.tally();
    assert_eq!([Side::Request, Side::Reply].map(|side| tally.of(END, side)), [passed; 2]);
    assert_eq!(tally.of(Api::PRODUCE, Side::Request), Counts::default());
}

#[tokio::test]
async fn what_is_dropped_never_arrives_and_the_connection_goes_on() {
    let mut rig = Rig::new().await;
    let mut client = rig.client().await;
    rig.proxy.add(Rule::request(END).nth(1).drop());
    let reply = rig.proxy.add(Rule::reply(END).nth(1).drop());
    for n in 1..=3 {
        client.send(n).await;
    }
    assert_eq!((rig.executed().await, rig.executed().await), (2, 3));
    assert_eq!(client.reply().await, Some(3));
    let tally = rig.proxy.tally();
    assert_eq!(tally.fired(reply), 1);
    assert_eq!([Side::Request, Side::Reply].map(|side| tally.of(END, side).dropped), [1, 1]);
}

#[tokio::test]
async fn of_a_duplicate_the_broker_executes_both_and_the_client_sees_one_reply() {
    let mut rig = Rig::new().await;
    let mut client = rig.client().await;
    rig.proxy.add(Rule::request(END).nth(1).duplicate());
    client.send(1).await;
    client.send(2).await;
    assert_eq!([rig.executed().await, rig.executed().await, rig.executed().await], [1, 1, 2]);
    assert_eq!((client.reply().await, client.reply().await), (Some(1), Some(2)));
    rig.proxy.add(Rule::reply(END).duplicate());
    client.send(3).await;
    assert_eq!((client.reply().await, client.reply().await), (Some(3), Some(3)));
    let tally = rig.proxy.tally();
    assert_eq!([Side::Request, Side::Reply].map(|side| tally.of(END, side).duplicated), [1, 1]);
}

#[tokio::test]
async fn a_cut_before_a_request_keeps_it_from_the_broker_and_one_after_it_does_not() {
    let mut rig = Rig::new().await;
    rig.proxy.add(Rule::request(END).nth(1).cut_before());
    rig.proxy.add(Rule::request(END).nth(2).cut_after());
    for n in 1..=2 {
        let mut client = rig.client().await;
        client.send(n).await;
        assert_eq!(client.reply().await, None);
    }
    assert_eq!(rig.executed().await, 2);
    assert_eq!(rig.proxy.tally().of(END, Side::Request).cut, 2);
}

#[tokio::test]
async fn a_cut_before_a_reply_keeps_it_from_the_client_and_one_after_it_does_not() {
    let mut rig = Rig::new().await;
    rig.proxy.add(Rule::reply(END).nth(1).cut_before());
    rig.proxy.add(Rule::reply(END).nth(2).cut_after());
    for (n, expected) in [(1, None), (2, Some(2))] {
        let mut client = rig.client().await;
        client.send(n).await;
        assert_eq!((rig.executed().await, client.reply().await), (n, expected));
        assert_eq!(client.reply().await, None, "the connection is gone");
    }
    assert_eq!(rig.proxy.tally().of(END, Side::Reply).cut, 2);
}

#[tokio::test]
async fn a_delay_holds_back_what_follows_on_its_connection_and_nothing_else() {
    let mut rig = Rig::new().await;
    let (mut slow, mut other) = (rig.client().await, rig.client().await);
    let until = Arc::new(Semaphore::new(0));
    let held = rig.proxy.add(Rule::request(END).nth(1).hold(until.clone()));
    slow.send(1).await;
    rig.proxy.until_fired(held, 1).await;
    slow.send(2).await;
    other.send(3).await;
    assert_eq!(rig.executed().await, 3);
    until.add_permits(1);
    assert_eq!((rig.executed().await, rig.executed().await), (1, 2));

    let started = tokio::time::Instant::now();
    rig.proxy.add(Rule::reply(END).delay(Duration::from_millis(100)));
    other.send(4).await;
    assert_eq!((other.reply().await, other.reply().await), (Some(3), Some(4)));
    assert!(started.elapsed() >= Duration::from_millis(100));
    let tally = rig.proxy.tally();
    assert_eq!(tally.of(END, Side::Request).held, 1);
    assert!(tally.of(END, Side::Reply).delayed > 0);
}

#[tokio::test]
async fn a_held_request_arrives_although_its_client_is_gone() {
    let mut rig = Rig::new().await;
    let until = Arc::new(Semaphore::new(0));
    let held = rig.proxy.add(Rule::request(END).keep().hold(until.clone()));
    let mut client = rig.client().await;
    client.send(1).await;
    rig.proxy.until_fired(held, 1).await;
    let kept = rig.proxy.take_kept(held).pop().expect("was kept");
    drop(client);
    until.add_permits(1);
    assert_eq!(rig.executed().await, 1);
    assert_eq!(within(kept.answered()).await.map(|reply| id(&reply)).ok(), Some(1));
    assert_eq!(rig.proxy.tally().of(END, Side::Request).held, 1);
}

#[tokio::test]
async fn a_kept_request_that_is_lost_has_no_answer() {
    let rig = Rig::new().await;
    let lost = rig.proxy.add(Rule::request(END).keep().cut_before());
    rig.client().await.send(1).await;
    rig.proxy.until_fired(lost, 1).await;
    let kept = rig.proxy.take_kept(lost).pop().expect("was kept");
    assert_eq!(
        within(kept.answered()).await.map_err(|error| error.kind()),
        Err(io::ErrorKind::ConnectionReset)
    );
}

#[tokio::test]
async fn a_kept_request_is_sent_again_on_its_own_connection_or_the_same() {
    let mut rig = Rig::new().await;
    let mut client = rig.client().await;
    let keeper = rig.proxy.add(Rule::request(END).nth(1).keep());
    client.send(7).await;
    assert_eq!((rig.executed().await, client.reply().await), (7, Some(7)));
    let kept = rig.proxy.take_kept(keeper).pop().expect("was kept");
    for via in [Via::OwnConnection, Via::SameConnection] {
        let reply = rig.proxy.inject(&kept, via).await.expect("is answered");
        assert_eq!((id(&reply), rig.executed().await), (7, 7), "{via:?}");
    }
    client.send(8).await;
    assert_eq!(client.reply().await, Some(8), "it saw no reply that was not its own");
    assert_eq!(rig.proxy.tally().of(END, Side::Request).seen, 2, "what is injected is not counted");

    assert!(rig.proxy.take_kept(keeper).is_empty());
    drop(client);
    // The proxy learns in its own time that the connection is gone; until then it is used.
    while let Ok(reply) = rig.proxy.inject(&kept, Via::SameConnection).await {
        assert_eq!(id(&reply), 7);
    }
}
