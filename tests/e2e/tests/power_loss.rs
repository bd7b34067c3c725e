//! SIGKILL at every named point, and the power goes with it: what callers are told equals what a read_committed reader
//! sees all the same, and what was acknowledged is still known.
//!
//! kill -9 alone cannot show a missing fdatasync: the kernel still has what was written. tests/diskshim stands in for the
//! disk. `SIDECOMMIT_POWER_LOSSES` sets how often (16 in CI).

use sidecommit_e2e::{Account, Asked, Cluster, Disk, FAILPOINTS, Spec, unique};
use std::{collections::BTreeMap, thread, time::Duration};

fn losses() -> usize {
    std::env::var("SIDECOMMIT_POWER_LOSSES").ok().map_or(16, |losses| losses.parse().expect("a number"))
}

/// What one pod went through.
#[derive(Debug, Default)]
struct Course {
    account: Account,
    losses: BTreeMap<&'static str, usize>,
    /// Syncs that reached the disk, and those that it lied about.
    syncs: usize,
    lies: usize,
    /// Pages that were written and not durable.
    pages: usize,
}

// === impl Course ===

impl Course {
    fn lose_power(&mut self, disk: &Disk, point: &'static str) {
        self.pages += disk.lose_power();
        *self.losses.entry(point).or_default() += 1;
    }

    fn count(&self) -> usize {
        self.losses.values().sum()
    }

    fn add(&mut self, other: Self) {
        self.account.add(other.account);
        other.losses.into_iter().for_each(|(point, n)| *self.losses.entry(point).or_default() += n);
        self.syncs += other.syncs;
        self.lies += other.lies;
        self.pages += other.pages;
    }
}

/// The sidecar is killed the nth time at a point, and the power goes. What it had begun is asked for again.
async fn lose_power_at(
    topic: &str,
    (disk, spec): &(Disk, Spec),
    (point, nth): (&'static str, usize),
    lying: bool,
    course: &mut Course,
) {
    let mut sidecar = spec.clone().set("failpoint", &format!("{point}:{nth}")).serve().await;
    if lying {
        disk.lie();
    }
    let mut app = sidecar.app();
    let mut asked = Vec::new();
    // The point is passed once per commit; one more in case its kill waits for the next call.
    for n in 0..nth + 1 {
        let (transfer, refused) = Asked::once(&mut app, topic, n % 2 == 0).await;
        asked.extend(transfer);
        if refused.is_some() {
            break;
        }
    }
    sidecar.wait(Duration::from_secs(60));
    drop(sidecar);
    course.lose_power(disk, point);
    disk.mend();
    if nth == 2 {
        // And once more while it recovers.
        let mut recovering = spec.clone().set("failpoint", "during-recovery:2").start();
        recovering.wait(Duration::from_secs(60));
        drop(recovering);
        course.lose_power(disk, "during-recovery");
    }
    let mut sidecar = spec.serve().await;
    let mut app = sidecar.app();
    course.account.settle(asked, &mut app, topic).await;
    // In order: a COMMITTED that the next start had to find out would be taken for the first one at after-reply.
    drop(app);
    sidecar.signal("TERM");
    assert!(sidecar.wait(Duration::from_secs(60)).success(), "{}", sidecar.log());
}

/// One point, each time a commit later, on a pod with an outcomes topic of its own: a transaction that another's killed
/// sidecar left open does not hold it back.
fn lose_power_often_at(
    point: &'static str,
    cluster: Cluster,
    topic: &str,
    lying: bool,
    losses: usize,
) -> Course {
    let slot = format!("{}/test/app/0", unique("power"));
    let pod = Disk::under(&Spec::of_slot(&cluster.bootstrap(), &slot).set("outcomes.partitions", "1"));
    let mut course = Course::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for round in 0.. {
        if course.count() >= losses {
            break;
        }
        runtime.block_on(lose_power_at(topic, &pod, (point, 1 + round % 3), lying, &mut course));
    }
    course.syncs = pod.0.count("ok");
    course.lies = pod.0.count("lie");
    course
}

/// All points side by side, then what was told against what is visible.
fn lose_power_at_all_points(lying: bool, losses: usize) -> Course {
    let cluster = Cluster::shared();
    let topic = cluster.topic(3);
    let courses = FAILPOINTS.map(|point| {
        let topic = topic.clone();
        let losses = losses.div_ceil(FAILPOINTS.len());
        thread::spawn(move || lose_power_often_at(point, cluster, &topic, lying, losses))
    });
    let mut all = Course::default();
    for course in courses {
        all.add(course.join().expect("a course ends well"));
    }
    all.account.check(&cluster, &topic);
    println!(
        "power lost: {:?}; {} syncs, {} lies, {} pages lost; {} told, of which {} committed; {} replies lost, {} forgotten",
        all.losses,
        all.syncs,
        all.lies,
        all.pages,
        all.account.told.len(),
        all.account.committed(),
        all.account.replies_lost,
        all.account.forgotten.len()
    );
    assert_eq!(all.losses.len(), FAILPOINTS.len() + 1, "every point was reached: {:?}", all.losses);
    all
}

#[test]
fn what_callers_are_told_survives_a_power_loss_at_every_point() {
    let Course { account, syncs, lies, .. } = lose_power_at_all_points(false, losses());
    assert_eq!((account.replies_lost, account.forgotten.len()), (0, 0), "what was acknowledged was durable");
    assert!(syncs > 0 && lies == 0, "the disk was in use");
    assert!(account.committed() > 0 && account.committed() < account.told.len(), "both outcomes occur");
}

/// The contrast: on a disk that lies, as without fdatasync, the journal is behind Kafka after the power loss, and the test
/// above would be red. The sidecar notices, adopts what Kafka knows, and tells nothing that is wrong.
#[test]
fn a_disk_that_lies_about_its_syncs_loses_replies_and_no_wrong_outcome_is_told() {
    let Course { account, lies, pages, .. } = lose_power_at_all_points(true, (losses() / 2).max(8));
    assert!(lies > 0 && pages > 0, "the disk lied and lost what it had");
    assert!(account.replies_lost > 0, "the journal was behind");
}
