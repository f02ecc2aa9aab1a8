//! A bulk export on its way here: drawn, interrupted, told.

use super::export::Planned;
use crate::progress::{Bar, Voice, grouped, seconds};
use crate::stopped::HeardElsewhere;
use anyhow::{Context, Result, bail};
use fetch::bulk::{Downloaded, Phase, Progress};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// Brings an export into its directory, and gives the files with its resources.
pub fn download(planned: &Planned, voice: Voice) -> Result<Vec<PathBuf>> {
    let begun = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (progress, interrupt) = (Progress::default(), Interrupt::watch()?);
    let downloaded = runtime.block_on(async {
        let mut download = std::pin::pin!(planned.export.download(&planned.directory, &progress));
        let mut picture = Picture { voice, bar: None, told: Duration::ZERO };
        loop {
            tokio::select! {
                biased;
                result = &mut download => return result.map(Some),
                () = tokio::time::sleep(Duration::from_millis(100)) => picture.draw(&progress),
            }
            if interrupt.came() {
                return Ok(None);
            }
        }
    });
    let shown = planned.directory.display();
    match downloaded.with_context(|| format!("the export to {shown} did not come"))? {
        Some(downloaded) => {
            tell(&downloaded, &progress, begun.elapsed(), voice);
            refuse_errors(&downloaded, planned)?;
            Ok(downloaded.listed)
        }
        None if planned.cancel_on_interrupt => {
            runtime.block_on(planned.export.call_off(&planned.directory)).with_context(|| {
                format!("interrupted; the server could not be told, and what came stays in {shown}")
            })?;
            bail!("interrupted; the server was told, and what had come was removed");
        }
        None => bail!("interrupted; the same command again goes on from {shown}"),
    }
}

/// Ctrl-C and `SIGTERM` while an export is on its way. Afterwards they do what they did before.
struct Interrupt {
    came: Arc<AtomicBool>,
    _heard: HeardElsewhere,
}

impl Interrupt {
    fn watch() -> Result<Self> {
        let interrupt = Interrupt { came: Arc::default(), _heard: HeardElsewhere::new() };
        for signal in [SIGINT, SIGTERM] {
            flag::register(signal, interrupt.came.clone())?;
        }
        Ok(interrupt)
    }

    fn came(&self) -> bool {
        self.came.load(Relaxed)
    }
}

/// What is shown of it.
struct Picture {
    voice: Voice,
    bar: Option<(Phase, Bar)>,
    /// The last pause that was told.
    told: Duration,
}

/// From here on a pause that the server asks for is told in a line of its own: nothing happens meanwhile, which looks like a fault.
const LONG_PAUSE: Duration = Duration::from_secs(120);

impl Picture {
    fn draw(&mut self, progress: &Progress) {
        let (phase, pause) = (progress.phase(), progress.pause());
        if pause > LONG_PAUSE && pause != self.told {
            self.bar = None;
            self.told = pause;
            self.voice
                .say(format!("the server asks to be left alone for {}, which is waited for", seconds(pause)));
        }
        if self.bar.as_ref().is_none_or(|(shown, _)| *shown != phase) {
            self.bar = None;
        }
        let label = if phase == Phase::Fetching { "downloading" } else { "exporting" };
        let (_, bar) = self.bar.get_or_insert_with(|| (phase, self.voice.transfer(label)));
        bar.set(progress.bytes());
        bar.note(match (phase, progress.percent(), progress.files()) {
            _ if pause > LONG_PAUSE => format!("the server asked for a pause of {}", seconds(pause)),
            (Phase::Fetching, _, (done, files)) => format!("{done} of {files} files"),
            (Phase::Checking, ..) => "reading again what was downloaded before".to_owned(),
            (Phase::Waiting, 0, _) => "the server prepares the files".to_owned(),
            (Phase::Waiting, percent, _) => format!("the server prepares the files, {percent} %"),
            _ => "asking for the export".to_owned(),
        });
    }
}

fn tell(downloaded: &Downloaded, progress: &Progress, elapsed: Duration, voice: Voice) {
    voice.say(format!(
        "export of {}: {} resources in {} files, {:.1} MB, {} fetched before; {:.1} MB came in {}; identified, in {}",
        downloaded.transaction_time,
        grouped(downloaded.count),
        grouped(downloaded.files),
        downloaded.bytes as f64 / 1e6,
        grouped(downloaded.kept),
        progress.bytes() as f64 / 1e6,
        seconds(elapsed),
        downloaded.resources.display(),
    ));
    for ((severity, code), count) in &downloaded.issues {
        voice.say(format!(
            "the server says: {} × {severity} ({code}); its words are in errors/",
            grouped(*count)
        ));
    }
    if downloaded.deleted > 0 {
        voice.say(format!(
            "the server says that {} resources were deleted (deleted/); they are taken out of an earlier export where that directory is given as a \
             source behind it",
            grouped(downloaded.deleted)
        ));
    }
}

/// An export that lacks something isn't taken for a whole one unasked.
fn refuse_errors(downloaded: &Downloaded, planned: &Planned) -> Result<()> {
    let grave = |severity: &str| matches!(severity, "fatal" | "error");
    let errors: u64 =
        downloaded.issues.iter().filter(|((severity, _), _)| grave(severity)).map(|(_, count)| count).sum();
    if errors > 0 && !planned.allow_errors {
        let directory = planned.directory.display();
        bail!(
            "the server says that {errors} things could not be exported: see {directory}/errors, then try --fresh-export, or \
             --allow-export-errors to go on without them"
        );
    }
    if downloaded.count == 0 {
        bail!("the export holds no resources; may the client see any patients?");
    }
    Ok(())
}
