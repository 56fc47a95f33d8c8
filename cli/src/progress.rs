//! How far something is: a bar on a terminal, a line of JSON every five seconds anywhere else.

use indicatif::{ProgressBar, ProgressStyle};
use node::operations::{Progress, per_second};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// The bar is this long; it shows parts, not things.
const BAR: u64 = 10_000;
/// How often a pipe is told.
const TOLD_EVERY: Duration = Duration::from_secs(5);

/// Shows how far something is.
pub struct Meter {
    bar: Option<ProgressBar>,
    began: Instant,
    told: Instant,
}

impl Meter {
    /// Begins.
    pub fn new() -> Meter {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{wide_bar} {percent:>3} %  {msg}  {eta} left")
                .expect("the template is a constant that was tried");
            ProgressBar::new(BAR).with_style(style)
        });
        let now = Instant::now();
        Meter { bar, began: now, told: now }
    }

    /// Shows how far it is now.
    pub fn show(&mut self, progress: &Progress) {
        let seconds = self.began.elapsed().as_secs_f64();
        let per_second = per_second(progress.done, seconds);
        match &self.bar {
            Some(bar) => {
                bar.set_position((progress.part.clamp(0.0, 1.0) * BAR as f64) as u64);
                bar.set_message(format!("{} {}, {per_second:.0}/s", progress.done, progress.unit));
            }
            None if self.told.elapsed() >= TOLD_EVERY => {
                self.told = Instant::now();
                let line = serde_json::json!({
                    "what": progress.unit.to_string(), "done": progress.done, "part": progress.part,
                    "seconds": seconds, "per_second": per_second,
                });
                crate::output::note(format_args!("{line}"));
            }
            None => {}
        }
    }

    /// Takes the bar away.
    pub fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
