//! What a panic says: where, never what. A panic's message may quote the text it failed on, and that text may
//! be a record's.

/// Replaces the default hook with one that tells only the place.
pub fn tell_only_where() {
    std::panic::set_hook(Box::new(|info| {
        let place = info
            .location()
            .map_or_else(|| "an unknown place".to_owned(), |l| format!("{}:{}", l.file(), l.line()));
        eprintln!(
            "osler: a fault in the program at {place}; please report it (the message is withheld, it might quote a record)"
        );
    }));
}
