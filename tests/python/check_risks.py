"""What `osler predict --every-event` wrote says the same as `osler predict` for the same subject, time and code.

    python check_risks.py RISKS PREDICTIONS EVENTS MODEL

Records longer than the model's context are left out of the comparison: there, a moment among many is seen with half a
context of history at least, a moment asked about alone with a whole one.
"""

import json
import pathlib
import sys

import pandas as pd
import pyarrow.parquet as pq

HORIZONS = {"risk_1y": 365.25, "risk_5y": 1826.25}
NO_MOMENT = ["MEDS_BIRTH", "MEDS_DEATH", "OSLER_FOLLOWUP_END"]


def main(risks: str, predictions: str, events: str, model: str) -> None:
    wide = pq.read_table(pathlib.Path(risks) / "risks.parquet").to_pandas()
    for column in HORIZONS:
        assert wide[column].between(0, 1).all(), f"{column} is not a probability"
    assert (wide.risk_1y <= wide.risk_5y + 1e-6).all(), "incidence falls with the horizon"

    long = wide.melt(["subject_id", "prediction_time", "code"], list(HORIZONS), "horizon", "risk")
    long["horizon_days"] = long.horizon.map(HORIZONS)
    long["task"] = long.code.astype(str)
    other = pq.read_table(pathlib.Path(predictions) / "predictions.parquet").to_pandas()
    other["horizon_days"] = other.horizon_days.round(2).astype(float)
    both = other.merge(long, on=["subject_id", "prediction_time", "task", "horizon_days"])
    assert len(both) > 0.9 * len(other), f"only {len(both)} of {len(other)} predictions are among the risks"
    table = pd.concat([pq.read_table(p).to_pandas() for p in sorted((pathlib.Path(events) / "data/held_out").glob("*"))])
    # Each moment but the first is a token too.
    tokens = table.groupby("subject_id").size() + table.groupby("subject_id").time.nunique()
    context = json.loads((pathlib.Path(model) / "config.json").read_text())["context"]
    short = both[both.subject_id.map(tokens) <= context]
    assert short.subject_id.nunique() > 0.8 * both.subject_id.nunique(), "too many records are longer than the context"
    apart = (short.risk - short.predicted_boolean_probability).abs().max()
    assert apart < 1e-5, f"risks differ by {apart}"

    birth = table[table.code == "MEDS_BIRTH"].set_index("subject_id").time
    dated = table[table.time.notna() & ~table.code.isin(NO_MOMENT)]
    moments = dated.join(birth.rename("birth"), on="subject_id")
    moments = moments[~(moments.time < moments.birth)].groupby(["subject_id", "time"]).ngroups
    asked = wide.groupby(["subject_id", "prediction_time"]).ngroups
    assert asked <= moments + len(birth) and asked > 0.97 * moments, f"{asked} moments asked of {moments}"
    print(f"{len(wide)} rows at {asked} moments; {len(short)} of {len(both)} compared, and agree with predictions to {apart:.1e}")


if __name__ == "__main__":
    main(*sys.argv[1:])
