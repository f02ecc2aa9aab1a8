//! What a panic says: where, never what. A panic's message may quote the text it failed on, and that text may
//! be a record's.

/// Replaces the default hook with one that tells only the place, and ends quietly where nobody reads our output any more.
pub fn tell_only_where() {
    std::panic::set_hook(Box::new(|info| {
        if info.payload().downcast_ref::<String>().is_some_and(|message| is_closed_output(message)) {
            std::process::exit(0);
        }
        let place = info
            .location()
            .map_or_else(|| "an unknown place".to_owned(), |l| format!("{}:{}", l.file(), l.line()));
        eprintln!(
            "osler: a fault in the program at {place}; please report it (the message is withheld, it might quote a record)"
        );
    }));
}

/// `println!` panics where it can't write. Whoever read our output (`| head`) has enough; that is no failure.
fn is_closed_output(message: &str) -> bool {
    message.starts_with("failed printing to stdout: Broken pipe")
}
