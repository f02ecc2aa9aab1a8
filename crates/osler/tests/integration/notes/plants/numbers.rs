//! Numbers, addresses of machines, and file names that are somebody's.

use super::super::dice::Dice;
use super::names::{Person, misread, strip_accents};
use super::{Class, Knowledge, Plant};

/// Ten digits of a North American number as people write them.
pub fn phone(class: Class, digits: &str, known: Knowledge, dice: &mut Dice) -> Plant {
    let d: String = digits.chars().filter(char::is_ascii_digit).collect();
    let d = if d.len() == 11 { d[1..].to_owned() } else { d };
    let (area, office, line) = (&d[..3], &d[3..6], &d[6..]);
    // Seven digits alone are a number's shape only to who knows the number.
    let style = dice.pick(&[
        "555-555-5555",
        "(555) 555-5555",
        "555.555.5555",
        "5555555555",
        "+1 555 555 5555",
        "555 555 5555",
        "(555)555-5555",
        "1-555-555-5555",
        "555-5555",
        "555-555-5555 x555",
        "OCR-like",
    ]);
    let style = if style == "555-5555" && known != Knowledge::Chart { "555-555-5555" } else { style };
    // Misread, it has no number's shape any more.
    let known = if style == "OCR-like" && known == Knowledge::Shape { Knowledge::Sense } else { known };
    let plant = Plant::new(class, style, known);
    match style {
        "(555) 555-5555" => plant.secret(&format!("({area}) {office}-{line}")),
        "555.555.5555" => plant.secret(&format!("{area}.{office}.{line}")),
        "5555555555" => plant.secret(&d),
        "+1 555 555 5555" => plant.plain("+1 ").secret(&format!("{area} {office} {line}")),
        "555 555 5555" => plant.secret(&format!("{area} {office} {line}")),
        "(555)555-5555" => plant.secret(&format!("({area}){office}-{line}")),
        "1-555-555-5555" => plant.plain("1-").secret(&format!("{area}-{office}-{line}")),
        "555-5555" => plant.secret(&format!("{office}-{line}")),
        "555-555-5555 x555" => plant
            .secret(&format!("{area}-{office}-{line}"))
            .plain(dice.pick(&[" x", " ext. ", " ext ", "x"]))
            .secret(&dice.pattern("899")),
        "OCR-like" => {
            plant.secret(&format!("{area}-{office}-{line}").replacen('0', "O", 1).replacen('1', "l", 1))
        }
        _ => plant.secret(&format!("{area}-{office}-{line}")),
    }
}

/// A social security number.
pub fn ssn(digits: &str, known: Knowledge, last_four: bool, dice: &mut Dice) -> Plant {
    let d: String = digits.chars().filter(char::is_ascii_digit).collect();
    if last_four {
        let plant = Plant::new(Class::Ssn, "last four", known);
        return match dice.chance(0.4) {
            true => plant.plain(dice.pick(&["XXX-XX-", "***-**-", "xxx-xx-"])).secret(&d[5..]),
            false => plant.secret(&d[5..]),
        };
    }
    let style = dice.pick(&["123-45-6789", "123-45-6789", "123 45 6789", "123456789"]);
    let plant = Plant::new(Class::Ssn, style, known);
    match style {
        "123 45 6789" => plant.secret(&format!("{} {} {}", &d[..3], &d[3..5], &d[5..])),
        "123456789" => plant.secret(&d),
        _ => plant.secret(&format!("{}-{}-{}", &d[..3], &d[3..5], &d[5..])),
    }
}

/// A number as it is filed, or as a scanner or a typist has it.
pub fn filed(class: Class, value: &str, known: Knowledge, dice: &mut Dice) -> Plant {
    let variants: &[&str] = match known {
        Knowledge::Chart => &["as filed", "as filed", "as filed", "lower case", "OCR-like", "zero-padded"],
        _ => &["as filed"],
    };
    let style = dice.pick(variants);
    // What says that it is a number of its kind tells nothing by itself.
    let (kind, value) =
        ["SN", "LOT"].iter().find_map(|kind| Some((*kind, value.strip_prefix(kind)?))).unwrap_or(("", value));
    let digits = value.chars().all(|c| c.is_ascii_digit());
    match style {
        "lower case" if value.to_lowercase() != value => {
            Plant::new(class, style, known).plain(&kind.to_lowercase()).secret(&value.to_lowercase())
        }
        "OCR-like" if value.contains('0') => {
            Plant::new(class, style, known).secret(&value.replacen('0', "O", 1))
        }
        "zero-padded" if digits => Plant::new(class, style, known).plain("00").secret(value),
        _ => Plant::new(class, "as filed", known).plain(kind).secret(value),
    }
}

/// A mailbox.
pub fn email(address: &str, known: Knowledge, dice: &mut Dice) -> Plant {
    let style = dice.pick(&["as filed", "as filed", "as filed", "UPPER CASE", "spaced at"]);
    let plant = Plant::new(Class::Email, style, known);
    match (style, address.split_once('@')) {
        ("UPPER CASE", _) => plant.secret(&address.to_uppercase()),
        ("spaced at", Some((user, host))) => plant.secret(user).plain(" @ ").secret(host),
        _ => plant.secret(address),
    }
}

/// A mailbox that somebody of this name may have.
pub fn email_of(person: &Person, dice: &mut Dice) -> String {
    let plain = |name: &str| -> String {
        strip_accents(name).to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect()
    };
    let (given, family) = (plain(&person.given), plain(&person.family));
    let user = match dice.below(4) {
        0 => format!("{given}.{family}"),
        1 => format!("{}{family}{}", &given[..1], dice.pattern("99")),
        2 => format!("{given}_{}", dice.pattern("8999")),
        _ => format!("{family}{given}"),
    };
    format!(
        "{user}@{}",
        dice.pick(&["gmail.com", "yahoo.com", "comcast.net", "outlook.com", "mail.example.org", "aol.com"])
    )
}

/// An invented number of a class; what it looks like varies.
pub fn invented(class: Class, dice: &mut Dice) -> String {
    let patterns: &[&str] = match class {
        Class::Mrn => &["8999999", "899999999", "899-99-99", "AA899999", "E8999999"],
        Class::Plan => &["AAA899999999", "8AA9AA9AA99", "A899999999", "899999999A", "899999-99"],
        Class::Account => &["899999999", "8999-9999-99", "ACA899999", "89999999999"],
        Class::Licence => &["S89999999", "A899-9999-9999", "899999999", "RN899999", "AB8999999"],
        Class::Device => &["SN48A-99281", "8A9999999", "LOT899999", "PX899-99999", "AAA899999A"],
        Class::Biometric => &["FP-89999-A", "BIO-hhhhhhhh", "VP899999", "IRIS-8999-AA"],
        _ => &["A89-99999", "89999999", "S99-899999", "REQ-899999", "AA-9999-8999"],
    };
    dice.any_pattern(patterns)
}

/// A number plate or a vehicle's identification number (with its check digit, ISO 3779).
pub fn vehicle(vin: bool, dice: &mut Dice) -> Plant {
    if !vin {
        let plate = dice.any_pattern(&["899 AAA", "8AAA99", "AAA-8999", "899-AA8", "8999AA"]);
        return Plant::new(Class::Vehicle, "plate", Knowledge::Shape).secret(&plate);
    }
    let mut vin: Vec<char> = dice.pattern("1AAAA89h00A899999").to_uppercase().chars().collect();
    vin.iter_mut().filter(|c| "IOQ".contains(**c)).for_each(|c| *c = 'X');
    let value = |c: char| match c {
        '0'..='9' => c as u32 - '0' as u32,
        'A'..='H' => c as u32 - 'A' as u32 + 1,
        'J'..='N' => c as u32 - 'J' as u32 + 1,
        'P' => 7,
        'R' => 9,
        _ => c as u32 - 'S' as u32 + 2,
    };
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let check = vin.iter().zip(WEIGHTS).map(|(c, w)| value(*c) * w).sum::<u32>() % 11;
    vin[8] = if check == 10 { 'X' } else { char::from_digit(check, 10).expect("it is below 10") };
    Plant::new(Class::Vehicle, "VIN", Knowledge::Shape).secret(&vin.iter().collect::<String>())
}

/// A unique device identifier in GS1's form, with a serial number.
pub fn udi(serial: &str, dice: &mut Dice) -> String {
    format!(
        "(01){}(17){}(10){}(21){serial}",
        dice.pattern("00899999999999"),
        dice.pattern("280615"),
        dice.pattern("A8999")
    )
}

/// An address on the web: a person's page, or a portal's link with an identifier in it.
pub fn url(person: &Person, dice: &mut Dice) -> Plant {
    let user = email_of(person, dice);
    let user = user.split('@').next().unwrap_or_default().to_owned();
    let (style, text) = match dice.below(4) {
        0 => ("https", format!("https://www.example.com/people/{user}")),
        1 => (
            "portal link",
            format!(
                "https://portal.example.org/visit?mrn={}&t={}",
                dice.pattern("8999999"),
                dice.pattern("hhhhhhhh")
            ),
        ),
        2 => ("no scheme", format!("www.{user}.example.net/blog")),
        _ => ("http", format!("http://caringpages.example.org/v/{user}{}", dice.pattern("99"))),
    };
    let (scheme, rest) = text.split_once("www.").map_or_else(
        || text.split_once("//").map_or(("", text.as_str()), |(a, b)| (&text[..a.len() + 2], b)),
        |(a, b)| (&text[..a.len() + 4], b),
    );
    Plant::new(Class::Url, style, Knowledge::Shape).plain(scheme).secret(rest)
}

/// An address of a machine.
pub fn ip(dice: &mut Dice) -> Plant {
    match dice.below(4) {
        0 => {
            Plant::new(Class::Ip, "IPv6", Knowledge::Shape).secret(&dice.pattern("2001:db8:hhhh:hhhh::hhhh"))
        }
        1 => Plant::new(Class::Ip, "IPv6, whole", Knowledge::Shape)
            .secret(&dice.pattern("2001:0db8:hhhh:hhhh:hhhh:hhhh:hhhh:hhhh")),
        _ => {
            let text = format!(
                "{}.{}.{}.{}",
                dice.from(11, 223),
                dice.from(0, 255),
                dice.from(0, 255),
                dice.from(1, 254)
            );
            Plant::new(Class::Ip, "IPv4", Knowledge::Shape).secret(&text)
        }
    }
}

/// The file of a picture.
pub fn photo(person: &Person, known: Knowledge, dice: &mut Dice) -> Plant {
    let ending = dice.pick(&[".jpg", ".jpeg", ".png", ".JPG", ".heic", ".tif", ".dcm"]);
    match dice.below(4) {
        0 => Plant::new(Class::Photo, "camera", Knowledge::Shape)
            .plain("IMG_")
            .secret(&dice.pattern("8999"))
            .plain(ending),
        1 => Plant::new(Class::Photo, "dated", Knowledge::Shape)
            .secret(&format!("face_{}", dice.pattern("20140728_999999")))
            .plain(ending),
        2 => Plant::new(Class::Photo, "named, lower", known)
            .secret(
                &strip_accents(&format!("{}_{}", person.family, person.given))
                    .to_lowercase()
                    .replace([' ', '\''], ""),
            )
            .plain(dice.pick(&["_wound", "_face", "_left_leg"]))
            .plain(ending),
        _ => Plant::new(Class::Photo, "named", known)
            .secret(&format!("{}{}", person.given, person.family).replace([' ', '\''], ""))
            .plain(dice.pick(&["-front", "_scan1", "_portrait"]))
            .plain(ending),
    }
}

/// Any other number that is one person's.
pub fn other(dice: &mut Dice) -> Plant {
    let (style, text) = match dice.below(4) {
        0 => ("UUID", dice.pattern("hhhhhhhh-hhhh-4hhh-ahhh-hhhhhhhhhhhh")),
        1 => (
            "DICOM UID",
            format!(
                "1.2.840.113619.2.{}.{}.{}",
                dice.from(10, 400),
                dice.pattern("89999999"),
                dice.pattern("8999")
            ),
        ),
        2 => ("accession", dice.any_pattern(&["S19-899999", "A89-99999", "CT-8999999", "89-AA-99999"])),
        _ => ("request", invented(Class::OtherId, dice)),
    };
    Plant::new(Class::OtherId, style, Knowledge::Shape).secret(&text)
}

/// A name on a social network.
pub fn handle(person: &Person, dice: &mut Dice) -> Plant {
    let user = email_of(person, dice);
    let user = user.split('@').next().unwrap_or_default();
    Plant::new(Class::OtherId, "handle", Knowledge::Shape).plain("@").secret(user)
}

/// A word with a mistaken letter, for text of a scanner.
pub fn scanned(word: &str, dice: &mut Dice) -> String {
    misread(word, dice).unwrap_or_else(|| word.to_owned())
}
