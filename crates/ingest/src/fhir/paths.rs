//! The paths that events of FHIR carry: what a policy's allow-list names.

macro_rules! paths {
    ($($name:ident = $path:literal,)+) => {
        $(pub(super) const $name: &str = $path;)+

        /// Every path that an event read from FHIR may carry, for allow-lists.
        pub const FHIR_PATHS: &[&str] = &[$($path,)+];
    };
}

paths! {
    ALLERGY_CODE = "AllergyIntolerance.code",
    CARE_PLAN_ACTIVITY = "CarePlan.activity.detail.code",
    CARE_PLAN_CATEGORY = "CarePlan.category",
    CONDITION_CODE = "Condition.code",
    COVERAGE_TYPE = "Coverage.type",
    REPORT_CODE = "DiagnosticReport.code",
    REPORT_CONCLUSION = "DiagnosticReport.conclusion",
    REPORT_CONCLUSION_CODE = "DiagnosticReport.conclusionCode",
    REPORT_FORM = "DiagnosticReport.presentedForm",
    DOCUMENT_CONTENT = "DocumentReference.content",
    DOCUMENT_TYPE = "DocumentReference.type",
    ENCOUNTER_CLASS = "Encounter.class",
    ENCOUNTER_DISPOSITION = "Encounter.hospitalization.dischargeDisposition",
    ENCOUNTER_END = "Encounter.period.end",
    ENCOUNTER_REASON = "Encounter.reasonCode",
    ENCOUNTER_TYPE = "Encounter.type",
    FAMILY_CONDITION = "FamilyMemberHistory.condition.code",
    IMAGING_MODALITY = "ImagingStudy.modality",
    IMAGING_PROCEDURE = "ImagingStudy.procedureCode",
    IMMUNIZATION_CODE = "Immunization.vaccineCode",
    ADMINISTRATION_MEDICATION = "MedicationAdministration.medication",
    DISPENSE_MEDICATION = "MedicationDispense.medication",
    REQUEST_MEDICATION = "MedicationRequest.medication",
    STATEMENT_MEDICATION = "MedicationStatement.medication",
    OBSERVATION_CODE = "Observation.code",
    OBSERVATION_BOOLEAN = "Observation.valueBoolean",
    OBSERVATION_CONCEPT = "Observation.valueCodeableConcept",
    OBSERVATION_INTEGER = "Observation.valueInteger",
    OBSERVATION_QUANTITY = "Observation.valueQuantity",
    OBSERVATION_STRING = "Observation.valueString",
    COMPONENT_CODE = "Observation.component.code",
    COMPONENT_BOOLEAN = "Observation.component.valueBoolean",
    COMPONENT_CONCEPT = "Observation.component.valueCodeableConcept",
    COMPONENT_INTEGER = "Observation.component.valueInteger",
    COMPONENT_QUANTITY = "Observation.component.valueQuantity",
    COMPONENT_STRING = "Observation.component.valueString",
    PATIENT_BIRTH = "Patient.birthDate",
    PATIENT_DEATH = "Patient.deceasedDateTime",
    PATIENT_ETHNICITY = "Patient.extension.us-core-ethnicity",
    PATIENT_GENDER = "Patient.gender",
    PATIENT_LANGUAGE = "Patient.communication.language",
    PATIENT_MARITAL = "Patient.maritalStatus",
    PATIENT_POSTAL_CODE = "Patient.address.postalCode",
    PATIENT_STATE = "Patient.address.state",
    PATIENT_RACE = "Patient.extension.us-core-race",
    PROCEDURE_CODE = "Procedure.code",
    SERVICE_CODE = "ServiceRequest.code",
}
