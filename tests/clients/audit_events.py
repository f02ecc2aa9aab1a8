"""Every exported AuditEvent is valid FHIR R4: audit_events.py FILE"""

import json
import sys

from fhir.resources.R4B.auditevent import AuditEvent

doors = {}
with open(sys.argv[1]) as file:
    for line in file:
        assert "canary" not in line.lower()
        event = AuditEvent.model_validate(json.loads(line))
        door = event.subtype[0].code
        doors[door] = doors.get(door, 0) + 1
assert doors.get("POST /v1/risk") and doors.get("POST /cds-services/{id}") and doors.get("access granted") == 3, doors
print(f"{sum(doors.values())} AuditEvents are valid R4: {doors}")
