//! What a panic says: where, never what. A panic's message may quote the text it failed on, and that text may
//! be a record's.

use crate::progress::to_standard_error;

/// Replaces the default hook with one that tells only the place, and ends where standard output can't be written any more.
pub fn tell_only_where() {
    std::panic::set_hook(Box::new(|info| {
        let message = info.payload().downcast_ref::<String>();
        if let Some(reason) = message.and_then(|message| message.strip_prefix(UNWRITTEN)) {
            // Whoever read our output (`| head`) has enough; that is no failure.
            if reason.starts_with("Broken pipe") {
                std::process::exit(0);
            }
            to_standard_error(&format!("osler: cannot write standard output: {reason}"));
            std::process::exit(1);
        }
        let place = info
            .location()
            .map_or_else(|| "an unknown place".to_owned(), |l| format!("{}:{}", l.file(), l.line()));
        // A panic here would abort, and leave half of what was written.
        to_standard_error(&format!(
            "osler: a fault in the program at {place}; please report it (the message is withheld, it might quote a record)"
        ));
    }));
}

/// How `println!` panics where it can't write; then comes the system's reason, and nothing of the text.
const UNWRITTEN: &str = "failed printing to stdout: ";
