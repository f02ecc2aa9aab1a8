"""OpenAI's, Azure's and LangChain's clients, unmodified: chat.py URL KEY BEDSIDE_KEY"""

import json
import sys

import openai
from azure.ai.inference import ChatCompletionsClient, load_client
from azure.ai.inference.models import SystemMessage, UserMessage
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

azure_openai = openai.AzureOpenAI(azure_endpoint=url, api_key=key, api_version="2024-10-21")
assert azure_openai.chat.completions.create(model=model, messages=messages).choices[0].message.content == text
print("openai: a deployment of Azure's older form")

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
assert azure.complete(messages=asked).choices[0].message.content == text
parts = azure.complete(messages=asked, stream=True)
assert "".join(part.choices[0].delta.content or "" for part in parts if part.choices) == text
assert isinstance(load_client(endpoint=url, credential=AzureKeyCredential(key)), ChatCompletionsClient)
try:
    azure.complete(messages=[UserMessage('{"resourceType": "Patient"}')])
except HttpResponseError as error:
    assert error.status_code == 422
else:
    raise AssertionError("answered")
print("azure-ai-inference: info, chat, stream, load_client, error")

chain = AzureAIChatCompletionsModel(endpoint=url, credential=key, model=model)
assert chain.invoke(question).content == text
print("langchain-azure-ai: chat")
