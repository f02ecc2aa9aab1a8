"""OpenAI's, Azure's and LangChain's clients, unmodified: chat.py URL KEY BEDSIDE_KEY"""

import json
import re
import sys

import openai
import pydantic
from azure.ai.inference import ChatCompletionsClient, EmbeddingsClient, load_client
from azure.ai.inference.models import (
    AssistantMessage,
    ChatCompletionsToolDefinition,
    FunctionDefinition,
    SystemMessage,
    ToolMessage,
    UserMessage,
)
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError
from langchain_azure_ai.chat_models import AzureAIChatCompletionsModel

from record import bundle, key_of

url, key, bedside = sys.argv[1], key_of(sys.argv[2]), key_of(sys.argv[3])
question = f"What may become of this patient?\n```json\n{json.dumps(bundle(url, key))}\n```"
messages = [{"role": "user", "content": question}]


def is_answer(text):
    assert "Not a medical device" in text and "synthetic patients" in text, text
    assert "//" in text and " %" in text, text
    return text


def words(text):
    """An answer, but for the message that it says its record stands in."""
    return re.sub(r"message \d+ of \d+", "message", text)


client = openai.OpenAI(base_url=f"{url}/openai/v1", api_key=key)
model = client.models.list().data[0].id
whole = client.chat.completions.create(model=model, messages=messages)
text = is_answer(whole.choices[0].message.content)
assert whole.usage.prompt_tokens > 0 and whole.model == model
chunks = list(
    client.chat.completions.create(
        model=model, messages=messages, stream=True, stream_options={"include_usage": True}
    )
)
assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == text
assert chunks[-1].usage == whole.usage
shaped = client.chat.completions.create(
    model=model, messages=messages, response_format={"type": "json_object"}
)
assert json.loads(shaped.choices[0].message.content)["patient"]["risks"]
response = client.responses.create(model=model, input=question)
assert response.output_text == text and response.status == "completed"
with client.responses.stream(model=model, input=question) as stream:
    assert "".join(e.delta for e in stream if e.type == "response.output_text.delta") == text
    assert stream.get_final_response().output_text == text
prose = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hello"}])
assert "FHIR R4 Bundle" in prose.choices[0].message.content
print("openai: models, chat, stream, json_object, responses, responses stream")

record_text = json.dumps(bundle(url, key))
ours = client.embeddings.create(model=model, input=[record_text, question])  # asks for base64
vector = ours.data[0].embedding
assert len(vector) > 8 and all(isinstance(x, float) for x in vector) and ours.data[1].embedding == vector
floats = client.embeddings.create(model=model, input=record_text, encoding_format="float").data[0].embedding
assert max(abs(a - b) for a, b in zip(vector, floats)) < 1e-6
print(f"openai: embeddings, base64 and float, {len(vector)} wide")


class Risk(pydantic.BaseModel):
    code: str
    description: str | None
    cumulative_incidence: list[float]


class Patient(pydantic.BaseModel):
    age_years: float | None
    risks: list[Risk]


class Outlook(pydantic.BaseModel):
    patient: Patient
    horizons_days: list[float]


parsed = client.chat.completions.parse(model=model, messages=messages, response_format=Outlook).choices[0].message.parsed
assert parsed.patient.risks and len(parsed.patient.risks[0].cumulative_incidence) == len(parsed.horizons_days)
assert client.responses.parse(model=model, input=question, text_format=Outlook).output_parsed == parsed


class Diagnosis(pydantic.BaseModel):
    diagnosis: str


try:
    client.chat.completions.parse(model=model, messages=messages, response_format=Diagnosis)
except openai.BadRequestError as error:
    assert "no field of the answer" in str(error), error
else:
    raise AssertionError("made something up")
print("openai: json_schema by pydantic, chat and responses; what the model doesn't say is refused")

arguments = {"type": "object", "properties": {"patient_id": {"type": "string"}}, "required": ["patient_id"], "additionalProperties": False}
tools = [{"type": "function", "function": {"name": "get_record", "description": "A patient's record", "parameters": arguments}}]
talk = [{"role": "user", "content": "What may become of Patient/p-1?"}]
asks = client.chat.completions.create(model=model, messages=talk, tools=tools).choices[0]
assert asks.finish_reason == "tool_calls" and json.loads(asks.message.tool_calls[0].function.arguments) == {"patient_id": "p-1"}
result = {"role": "tool", "tool_call_id": asks.message.tool_calls[0].id, "content": record_text}
assert words(client.chat.completions.create(model=model, messages=[*talk, asks.message, result], tools=tools).choices[0].message.content) == words(text)
parts = list(client.chat.completions.create(model=model, messages=talk, tools=tools, stream=True))
assert any(c.choices[0].delta.tool_calls and c.choices[0].delta.tool_calls[0].function.name == "get_record" for c in parts)
flat = [{"type": "function", "name": "get_record", "parameters": arguments, "strict": True}]
asked_back = client.responses.create(model=model, input=talk, tools=flat).output[0]
assert asked_back.type == "function_call" and json.loads(asked_back.arguments) == {"patient_id": "p-1"}
output = {"type": "function_call_output", "call_id": asked_back.call_id, "output": record_text}
assert words(client.responses.create(model=model, input=[*talk, asked_back, output], tools=flat).output_text) == words(text)
with client.responses.stream(model=model, input=talk, tools=flat) as stream:
    assert stream.get_final_response().output[0].name == "get_record"
print("openai: a tool fetches the record, chat, stream, responses and their stream")

azure_openai = openai.AzureOpenAI(azure_endpoint=url, api_key=key, api_version="2024-10-21")
assert azure_openai.chat.completions.create(model=model, messages=messages).choices[0].message.content == text
assert azure_openai.embeddings.create(model=model, input=record_text).data[0].embedding == vector
print("openai: a deployment of Azure's older form, chat and embeddings")

for wrong, status in (("osler_000000000000_" + "0" * 64, openai.AuthenticationError), (bedside, openai.PermissionDeniedError)):
    try:
        openai.OpenAI(base_url=f"{url}/openai/v1", api_key=wrong, max_retries=0).chat.completions.create(
            model=model, messages=messages
        )
    except status as error:
        assert error.status_code in (401, 403)
    else:
        raise AssertionError("answered")
print("openai: a wrong key is refused, and a draft answers no key that isn't for trials")

azure = ChatCompletionsClient(endpoint=url, credential=AzureKeyCredential(key))
assert azure.get_model_info().model_name == model
asked = [SystemMessage("You are brief."), UserMessage(question)]
assert words(azure.complete(messages=asked).choices[0].message.content) == words(text)
parts = azure.complete(messages=asked, stream=True)
assert words("".join(part.choices[0].delta.content or "" for part in parts if part.choices)) == words(text)
assert isinstance(load_client(endpoint=url, credential=AzureKeyCredential(key)), ChatCompletionsClient)
try:
    azure.complete(messages=[UserMessage('{"resourceType": "Patient"}')])
except HttpResponseError as error:
    assert error.status_code == 422
else:
    raise AssertionError("answered")
embedder = EmbeddingsClient(endpoint=url, credential=AzureKeyCredential(key))
assert embedder.embed(input=[record_text]).data[0].embedding == floats
definition = ChatCompletionsToolDefinition(function=FunctionDefinition(name="get_record", parameters=arguments))
first = UserMessage("What may become of Patient/p-1?")
call = azure.complete(messages=[first], tools=[definition]).choices[0].message
told = ToolMessage(record_text, tool_call_id=call.tool_calls[0].id)
assert words(azure.complete(messages=[first, AssistantMessage(tool_calls=call.tool_calls), told]).choices[0].message.content) == words(text)
print("azure-ai-inference: info, chat, stream, load_client, error, embeddings, a tool's result")

chain = AzureAIChatCompletionsModel(endpoint=url, credential=key, model=model)
assert chain.invoke(question).content == text
print("langchain-azure-ai: chat")
structured = chain.with_structured_output(Outlook, method="function_calling").invoke(question)
assert structured == parsed
print("langchain-azure-ai: structured output by a tool that must be called")
