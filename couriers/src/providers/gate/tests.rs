//! The breaker and the rate, on a clock of their own.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn fault(phase: &'static str, code: Option<u16>) -> Fault {
    Fault { phase, code, detail: String::new() }
}

fn down() -> AttemptEnd {
    AttemptEnd::Postponed(fault("connect", None))
}

fn taken() -> AttemptEnd {
    AttemptEnd::Accepted { provider_id: None, detail: String::new() }
}

/// Lets through all that may pass in that time, and says when each did.
fn passed(gate: &mut Gate, from: Instant, time: Duration) -> Vec<Instant> {
    let (mut now, mut passed) = (from, Vec::new());
    while now < from + time {
        match gate.pass(now) {
            Ok(()) => passed.push(now),
            Err(wait) => now = wait.until,
        }
    }
    passed
}

#[test]
fn no_second_has_more_mails_than_are_set() {
    let start = Instant::now();
    for most in [1, 2, 7, 19, 20, 50, 1_000, 10_000] {
        let mut gate = Gate::new(most, start);
        // Also after it lay idle.
        let mut all = passed(&mut gate, start, 3 * SECOND);
        all.extend(passed(&mut gate, start + 10 * SECOND, 3 * SECOND));
        let most = usize::try_from(most).unwrap();
        assert!(all.windows(most + 1).all(|some| some[most] - some[0] >= SECOND), "{most}");
        assert!(all.len() * 10 >= most * 6 * 9, "it is not much slower than set: {} of {most}", all.len());
    }
}

#[test]
fn a_provider_that_fails_in_a_row_is_left_alone_for_longer_each_time() {
    let start = Instant::now();
    let mut gate = Gate::new(1_000, start);
    for _ in 1..FAILURES_MAX {
        gate.learn(&down(), start);
        assert_eq!(gate.open_until(), None);
    }
    gate.learn(&down(), start);
    let mut now = start;
    let mut pause = OPEN_FIRST;
    for _ in 0..10 {
        let until = now + pause;
        assert_eq!(gate.pass(until - Duration::from_millis(1)), Err(Wait { until, is_open: true }));
        // One mail finds out how it is; the next waits as long again, should that one never come back.
        assert_eq!(gate.pass(until), Ok(()));
        assert_eq!(gate.pass(until + SECOND), Err(Wait { until: until + pause, is_open: true }));
        now = until + SECOND;
        gate.learn(&down(), now);
        pause = (pause * 2).min(OPEN_MAX);
    }
    assert_eq!(pause, OPEN_MAX);
    assert_eq!(gate.pass(now + pause), Ok(()));
    gate.learn(&taken(), now + pause);
    assert_eq!((gate.open_until(), gate.pass(now + pause + SECOND)), (None, Ok(())));
}

#[test]
fn mails_that_were_on_their_way_do_not_make_the_pause_longer() {
    let start = Instant::now();
    let mut gate = Gate::new(1_000, start);
    for _ in 0..50 {
        gate.learn(&down(), start);
    }
    assert_eq!(gate.open_until(), Some(start + OPEN_FIRST));
}

#[test]
fn only_the_connection_opens_the_breaker() {
    let start = Instant::now();
    let opens = |end: AttemptEnd| {
        let mut gate = Gate::new(1_000, start);
        (0..FAILURES_MAX).for_each(|_| gate.learn(&end, start));
        gate.open_until().is_some()
    };
    let rejected = |phase, code| AttemptEnd::Rejected { fault: fault(phase, code), address_at_fault: false };
    for end in [
        down(),
        AttemptEnd::Postponed(fault("greeting", Some(554))),
        AttemptEnd::Postponed(fault("auth", Some(535))),
        AttemptEnd::Postponed(fault("mail", None)),
        AttemptEnd::Unknown(fault("final-dot", None)),
    ] {
        assert!(opens(end.clone()), "{end:?}");
    }
    for end in [
        taken(),
        AttemptEnd::Postponed(fault("rcpt", Some(450))),
        AttemptEnd::Postponed(fault("lease", None)),
        rejected("rcpt", Some(550)),
        rejected("capability", None),
        rejected("compose", None),
    ] {
        assert!(!opens(end.clone()), "{end:?}");
    }
    // A refusal between failures shows that it is well.
    let mut gate = Gate::new(1_000, start);
    for _ in 0..10 {
        (1..FAILURES_MAX).for_each(|_| gate.learn(&down(), start));
        gate.learn(&AttemptEnd::Postponed(fault("rcpt", Some(450))), start);
    }
    assert_eq!(gate.open_until(), None);
}

#[test]
fn who_asks_for_less_gets_half_until_it_takes_mail_again() {
    let start = Instant::now();
    for code in [421, 451, 454] {
        let mut gate = Gate::new(64, start);
        let busy = AttemptEnd::Postponed(fault("rcpt", Some(code)));
        gate.learn(&busy, start);
        assert_eq!((gate.slowed(), gate.open_until()), (2, None));
        let count = passed(&mut gate, start, 10 * SECOND).len();
        assert!((290..=320).contains(&count), "{count}");
        (0..20).for_each(|_| gate.learn(&busy, start));
        assert_eq!(gate.slowed(), 1 << HALVINGS_MAX);
        for halvings in (0..HALVINGS_MAX).rev() {
            (0..DOUBLED_AFTER).for_each(|_| gate.learn(&taken(), start));
            assert_eq!(gate.slowed(), 1 << halvings);
        }
    }
    let mut gate = Gate::new(64, start);
    gate.learn(&AttemptEnd::Postponed(fault("rcpt", Some(450))), start);
    assert_eq!(gate.slowed(), 1, "greylisting is about that mail");
}
