use std::{collections::VecDeque, sync::Arc, thread, time::Instant};

use parking_lot::Mutex;
use rdkafka::producer::Producer as _;

use crate::{
    client::{Client, Outgoing, PATIENCE},
    error::{Error, When as _},
    options::{Kind, Options},
    settings,
    window::Window,
    work::Work,
};

/// So many different values.
const VALUES: usize = 64;

/// When each caller that waits for a producer asked for one, in the order of asking.
type Asked = Mutex<VecDeque<Instant>>;

/// Callers share producers; each producer has a thread.
pub(crate) fn run<C: Client>(options: Arc<Options>) -> Result<String, Error> {
    let run = fastrand::u64(..);
    let opened: Vec<_> = (0..options.producers())
        .map(|producer| {
            let options = options.clone();
            thread::spawn(move || open::<C>(&options, &format!("bench-rust-{run:016x}-{producer}")))
        })
        .collect();
    let opened: Result<Vec<C>, Error> =
        opened.into_iter().map(|thread| thread.join().map_err(|_| Error::Panicked)?).collect();
    let opened = opened?;
    let asked: Arc<Asked> = Arc::new(Mutex::new(vec![Instant::now(); options.callers()].into()));
    let window = Arc::new(Window::new(&options));
    let mut work = Work::new(&window);
    for client in opened {
        let (options, asked, window) = (options.clone(), asked.clone(), window.clone());
        work.spawn(move || make_transactions(&client, &options, &asked, &window));
    }
    work.measured()
}

fn open<C: Client>(options: &Options, id: &str) -> Result<C, Error> {
    let client = C::open(&settings::producer(options, id), &options.topic).when("creating a producer")?;
    let producer = client.producer();
    if options.kind == Kind::Transactional {
        producer.init_transactions(PATIENCE).when("init_transactions")?;
    }
    // The first transaction does not wait for metadata either.
    producer.client().fetch_metadata(Some(&options.topic), PATIENCE).when("fetching metadata")?;
    Ok(client)
}

/// Until the window is over. A caller asks again as soon as its transaction is committed. There are at least as many callers as producers,
/// so there is always one that waits.
fn make_transactions<C: Client>(
    client: &C,
    options: &Options,
    asked: &Asked,
    window: &Window,
) -> Result<(), Error> {
    let values: Vec<_> = (0..VALUES).map(|_| random_bytes(options.record_size())).collect();
    let mut values = values.iter().cycle();
    loop {
        let since = asked.lock().pop_front().unwrap_or_else(Instant::now);
        let began = Instant::now();
        if window.is_over_at(began) {
            return Ok(());
        }
        let records = values.by_ref().take(options.records());
        let records = records.map(|value| Outgoing { partition: None, key: None, value });
        if options.kind == Kind::Transactional {
            client.producer().begin_transaction().when("begin_transaction")?;
            client.send_all(records).when("producing")?;
            client.producer().commit_transaction(PATIENCE).when("commit_transaction")?;
        } else {
            client.send_all(records).when("producing")?;
        }
        window.count(since, began, options.records());
        asked.lock().push_back(Instant::now());
    }
}

fn random_bytes(size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    fastrand::fill(&mut bytes);
    bytes
}
