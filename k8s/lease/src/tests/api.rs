//! An API server in memory: leases with resourceVersion and uid, and a network that delays and loses.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use parking_lot::Mutex;
use tokio::{sync::oneshot, task::JoinHandle, time::sleep};

use crate::leases::{Answer, Failure, Leases};

use super::pod::{Freezable, Freezer};

/// The store. Every write is told to `watching`, with what was there before.
#[derive(Clone, Default)]
pub(crate) struct Api(Arc<Mutex<Store>>);

#[derive(Default)]
struct Store {
    leases: BTreeMap<String, Lease>,
    revision: u64,
    create_is: Option<Failure>,
    watching: Option<Watcher>,
}

type Watcher = Arc<dyn Fn(&Lease) + Send + Sync>;

type Chooser = Box<dyn FnMut(&Call) -> Fate + Send>;

/// One call on its way.
pub(crate) enum Call {
    List,
    Get(String),
    Create(Lease),
    Replace(Lease),
}

/// How one call fares.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fate {
    /// Before the server has it.
    pub(crate) there: Duration,
    /// Before the caller has the answer.
    pub(crate) back: Duration,
    pub(crate) request_lost: bool,
    pub(crate) answer_lost: bool,
}

/// What one pod has to reach the server by.
pub(crate) struct Network {
    api: Api,
    /// Chooses the fate of each call.
    pub(crate) fate: Mutex<Chooser>,
    pub(crate) cut: AtomicBool,
    pub(crate) wall_clock_off_by_s: AtomicI64,
    pub(crate) freezer: Freezer,
}

// === impl Api ===

impl Api {
    pub(crate) fn watch(&self, watcher: impl Fn(&Lease) + Send + Sync + 'static) {
        self.0.lock().watching = Some(Arc::new(watcher));
    }

    /// As a Role does that names the leases: others cannot be made, nor read.
    pub(crate) fn forbid_create(&self) {
        self.0.lock().create_is = Some(Failure::Forbidden("403 cannot create".to_owned()));
    }

    pub(crate) fn lease(&self, name: &str) -> Lease {
        self.0.lock().leases[name].clone()
    }

    pub(crate) fn leases(&self) -> Vec<Lease> {
        self.0.lock().leases.values().cloned().collect()
    }

    pub(crate) fn delete(&self, name: &str) {
        self.0.lock().leases.remove(name);
    }

    /// As a person with kubectl does it.
    pub(crate) fn edit(&self, name: &str, edit: impl FnOnce(&mut Lease)) {
        let mut lease = self.lease(name);
        edit(&mut lease);
        self.perform(Call::Replace(lease)).unwrap();
    }

    pub(crate) fn perform(&self, call: Call) -> Result<Vec<Lease>, Failure> {
        let mut store = self.0.lock();
        let written = match call {
            Call::List => {
                return Ok(store
                    .leases
                    .values()
                    .filter(|lease| lease.metadata.labels.is_some())
                    .cloned()
                    .collect());
            }
            Call::Get(name) => {
                let absent = store.create_is.clone().unwrap_or(Failure::Missing);
                return store.leases.get(&name).cloned().map(|lease| vec![lease]).ok_or(absent);
            }
            Call::Create(lease) => store.create(lease)?,
            Call::Replace(lease) => store.replace(lease)?,
        };
        let watcher = store.watching.clone();
        drop(store);
        if let Some(watcher) = watcher {
            watcher(&written);
        }
        Ok(vec![written])
    }
}

impl Store {
    fn create(&mut self, lease: Lease) -> Result<Lease, Failure> {
        if let Some(forbidden) = &self.create_is {
            return Err(forbidden.clone());
        }
        let name = lease.metadata.name.clone().unwrap();
        if self.leases.contains_key(&name) {
            return Err(Failure::Exists);
        }
        self.put(lease, |lease, revision| lease.metadata.uid = Some(format!("uid-{revision}")))
    }

    fn replace(&mut self, lease: Lease) -> Result<Lease, Failure> {
        let there = self.leases.get(lease.metadata.name.as_ref().unwrap()).ok_or(Failure::Missing)?;
        assert!(
            lease.metadata.resource_version.is_some(),
            "a replace without resourceVersion is no compare-and-swap"
        );
        if there.metadata.resource_version != lease.metadata.resource_version
            || there.metadata.uid != lease.metadata.uid
        {
            return Err(Failure::Conflict);
        }
        self.put(lease, |_, _| {})
    }

    fn put(&mut self, mut lease: Lease, finish: impl Fn(&mut Lease, u64)) -> Result<Lease, Failure> {
        self.revision += 1;
        lease.metadata.resource_version = Some(self.revision.to_string());
        finish(&mut lease, self.revision);
        self.leases.insert(lease.metadata.name.clone().unwrap(), lease.clone());
        Ok(lease)
    }
}

// === impl Network ===

impl Network {
    /// One that is fast and loses nothing.
    pub(crate) fn to(api: &Api) -> Arc<Self> {
        Arc::new(Self {
            api: api.clone(),
            fate: Mutex::new(Box::new(|_| Fate::default())),
            cut: AtomicBool::new(false),
            wall_clock_off_by_s: AtomicI64::new(0),
            freezer: Freezer::default(),
        })
    }

    pub(crate) fn fate(&self, fate: impl FnMut(&Call) -> Fate + Send + 'static) {
        *self.fate.lock() = Box::new(fate);
    }

    /// The call goes on by itself: a caller that gives up waiting, or dies, takes nothing back.
    async fn call(&self, call: Call) -> Result<Vec<Lease>, Failure> {
        let mut fate = (self.fate.lock())(&call);
        fate.request_lost |= self.cut.load(Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        let api = self.api.clone();
        tokio::spawn(async move {
            sleep(fate.there).await;
            if fate.request_lost {
                return std::future::pending().await;
            }
            let outcome = api.perform(call);
            sleep(fate.back).await;
            if fate.answer_lost {
                return std::future::pending().await;
            }
            let _ = answer.send(outcome);
        });
        answered.await.unwrap_or_else(|_| unreachable!("the call outlives its caller"))
    }

    async fn one(&self, call: Call) -> Result<Lease, Failure> {
        Ok(self.call(call).await?.remove(0))
    }
}

impl Leases for Network {
    fn list(&self) -> Answer<'_, Vec<Lease>> {
        Box::pin(self.call(Call::List))
    }

    fn get(&self, name: String) -> Answer<'_, Lease> {
        Box::pin(self.one(Call::Get(name)))
    }

    fn create(&self, lease: Lease) -> Answer<'_, Lease> {
        Box::pin(self.one(Call::Create(lease)))
    }

    fn replace(&self, lease: Lease) -> Answer<'_, Lease> {
        Box::pin(self.one(Call::Replace(lease)))
    }

    fn wall_clock(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(self.wall_clock_off_by_s.load(Ordering::Relaxed))
    }

    fn spawn(&self, task: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>) -> JoinHandle<()> {
        tokio::spawn(Freezable::new(task, self.freezer.clone()))
    }
}
