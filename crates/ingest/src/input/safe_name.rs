//! File names that may be printed. An export named after a patient is common (Synthea writes
//! `First_Last_uuid.json`), so a name is kept only when every word of it is known to be generic.

/// Words that name tables, formats and parts of exports, never people.
const GENERIC: &[&str] = &[
    // formats and containers
    "csv",
    "gz",
    "json",
    "jsonl",
    "ndjson",
    "parquet",
    "psv",
    "tar",
    "tgz",
    "toml",
    "tsv",
    "txt",
    "zst",
    "zstd",
    // parts of exports
    "a",
    "all",
    "b",
    "batch",
    "bulk",
    "bundle",
    "bundles",
    "c",
    "chunk",
    "d",
    "data",
    "dataset",
    "events",
    "export",
    "fhir",
    "file",
    "full",
    "held",
    "in",
    "labels",
    "log",
    "mapped",
    "meds",
    "metadata",
    "of",
    "omop",
    "out",
    "outcomes",
    "output",
    "part",
    "patients",
    "r",
    "records",
    "set",
    "shard",
    "source",
    "split",
    "splits",
    "subject",
    "subjects",
    "synthea",
    "table",
    "test",
    "train",
    "tuning",
    "v",
    "validation",
    // FHIR R4 resource types
    "allergyintolerance",
    "careplan",
    "careteam",
    "claim",
    "condition",
    "conditions",
    "coverage",
    "device",
    "devices",
    "deviceusestatement",
    "diagnosticreport",
    "documentreference",
    "encounter",
    "encounters",
    "explanationofbenefit",
    "familymemberhistory",
    "goal",
    "group",
    "imagingstudy",
    "immunization",
    "immunizations",
    "location",
    "medication",
    "medications",
    "medicationadministration",
    "medicationdispense",
    "medicationrequest",
    "medicationstatement",
    "observation",
    "observations",
    "organization",
    "organizations",
    "patient",
    "practitioner",
    "practitionerrole",
    "procedure",
    "procedures",
    "provenance",
    "questionnaireresponse",
    "relatedperson",
    "servicerequest",
    "specimen",
    // OMOP and Synthea tables
    "allergies",
    "ancestor",
    "attribute",
    "care",
    "careplans",
    "cdm",
    "claims",
    "class",
    "codes",
    "cohort",
    "concept",
    "cost",
    "death",
    "definition",
    "detail",
    "domain",
    "dose",
    "drug",
    "era",
    "episode",
    "event",
    "exposure",
    "fact",
    "history",
    "imaging",
    "measurement",
    "measurements",
    "note",
    "notes",
    "nlp",
    "occurrence",
    "payer",
    "payers",
    "period",
    "person",
    "persons",
    "plan",
    "provider",
    "providers",
    "relationship",
    "site",
    "source",
    "strength",
    "studies",
    "supplies",
    "synonym",
    "to",
    "concept",
    "map",
    "transactions",
    "transitions",
    "visit",
    "vocabulary",
];

/// The most digits in a name that can't be a record number or an address; more count only after `part` and the like.
const MAX_FREE_DIGITS: usize = 3;
/// The most digits after `part` and the like.
const MAX_PART_DIGITS: usize = 6;

/// `name` if it is generic, else `file-` with the file's position and its suffixes.
pub(super) fn safe_name(name: &str, position: usize) -> String {
    if is_generic(name) {
        return name.to_owned();
    }
    let mut suffixes: Vec<&str> = name.rsplit('.').take_while(|word| is_suffix(word)).collect();
    suffixes.push("");
    suffixes.reverse();
    format!("file-{position:04}{}", suffixes.join("."))
}

fn is_generic(name: &str) -> bool {
    let mut numbered = false;
    let mut words = 0;
    let mut free_digits = 0;
    for word in name.split(['.', '-', '_']).filter(|word| !word.is_empty()) {
        words += 1;
        if word.bytes().all(|b| b.is_ascii_digit()) {
            if !numbered {
                free_digits += word.len();
            }
            if free_digits > MAX_FREE_DIGITS || word.len() > MAX_PART_DIGITS {
                return false;
            }
        } else {
            let lower = word.to_lowercase();
            if !GENERIC.contains(&lower.as_str()) {
                return false;
            }
            numbered = ["part", "of", "chunk", "shard", "batch"].contains(&lower.as_str());
        }
    }
    words > 0
}

/// What file names end in that says how they are written.
const SUFFIXES: &[&str] =
    &["csv", "gz", "json", "jsonl", "ndjson", "parquet", "psv", "tar", "tgz", "tsv", "txt", "zst", "zstd"];
const COMPRESSED: &[&str] = &["gz", "zst", "zstd"];

fn is_suffix(word: &str) -> bool {
    SUFFIXES.iter().any(|suffix| suffix.eq_ignore_ascii_case(word))
}

/// The file name without suffixes of compression; its other suffixes are in lower case, what stands before them is as it is, since a
/// subject may be named by it.
pub(super) fn table_name(name: &str) -> String {
    let mut name = name;
    while let Some((shorter, suffix)) = name.rsplit_once('.')
        && COMPRESSED.iter().any(|compressed| compressed.eq_ignore_ascii_case(suffix))
    {
        name = shorter;
    }
    let stem = stem(name);
    format!("{stem}{}", name[stem.len()..].to_ascii_lowercase())
}

/// A file's name without the suffixes that say how it is written. Other dots are the name's own: `site1.0001.csv` isn't
/// `site1.0002.csv`.
pub(crate) fn stem(name: &str) -> &str {
    let mut stem = name;
    while let Some((shorter, suffix)) = stem.rsplit_once('.')
        && is_suffix(suffix)
    {
        stem = shorter;
    }
    stem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_generic_names_are_printed() {
        for kept in [
            "Patient.000.ndjson",
            "DocumentReference.000.ndjson.gz",
            "CONCEPT.csv",
            "condition_occurrence.csv",
            "part-00017-of-00128.parquet",
            "set-a.tar.zst",
            "fhir-r.ndjson",
        ] {
            assert_eq!(safe_name(kept, 3), kept);
        }
        for (named, safe) in [
            ("Ann_Canary_e925b0f3-8006-43f6-aa31-94bd215e55e7.json", "file-0012.json"),
            ("132539.txt", "file-0012.txt"),
            ("Patient-Canary.ndjson.gz", "file-0012.ndjson.gz"),
            ("patient-0012345.json", "file-0012.json"),
            ("Ann.Canary", "file-0012"),
            ("203.0.113.77.ndjson", "file-0012.ndjson"),
            ("part-6175550147.json", "file-0012.json"),
            ("", "file-0012"),
        ] {
            assert_eq!(safe_name(named, 12), safe);
        }
        assert_eq!(table_name("PERSON.CSV.GZ"), "PERSON.csv");
        assert_eq!(table_name("Codes.Parquet"), "Codes.parquet");
        assert_eq!(table_name("Site1.0001.TXT.zst"), "Site1.0001.txt");
        assert_eq!(
            (stem("Site1.0001.csv.gz"), stem("site1.0002"), stem(".csv")),
            ("Site1.0001", "site1.0002", "")
        );
    }
}
