// Writes prices.json to standard output. Its form is described in
// internal/catalog/data.go.
import { readFileSync } from 'node:fs'
import { matchedModel, priceList, providerData, unitData, usageKey, version } from './library.mjs'

// names maps the package's provider ids to Weir's names (the first is the one
// that lists use) and to catwalk's ids; a provider that is not here is known by
// its own id, without catwalk's metadata.
const names = {
  anthropic: { as: ['anthropic'], catwalk: ['anthropic'] },
  avian: { as: ['avian'], catwalk: ['avian'] },
  aws: { as: ['bedrock', 'aws'], catwalk: ['bedrock', 'bedrock-europe'] },
  azure: { as: ['azure'], catwalk: ['azure'] },
  baseten: { as: ['baseten'], catwalk: ['baseten'] },
  cerebras: { as: ['cerebras'], catwalk: ['cerebras'] },
  deepseek: { as: ['deepseek'], catwalk: ['deepseek'] },
  fireworks: { as: ['fireworks'], catwalk: ['fireworks'] },
  'github-copilot': { as: ['github-copilot', 'copilot'], catwalk: ['copilot'] },
  google: { as: ['google', 'gemini', 'vertex'], catwalk: ['gemini', 'vertexai'] },
  groq: { as: ['groq'], catwalk: ['groq'] },
  minimax: { as: ['minimax'], catwalk: ['minimax'] },
  moonshotai: { as: ['moonshot', 'moonshotai'], catwalk: ['moonshot'] },
  openai: { as: ['openai'], catwalk: ['openai'] },
  openrouter: { as: ['openrouter'], catwalk: ['openrouter'] },
  voyageai: { as: ['voyage', 'voyageai'], catwalk: [] },
  'x-ai': { as: ['xai', 'x-ai'], catwalk: ['xai'] },
  zai: { as: ['zai'], catwalk: ['zai'] },
  zhipuai: { as: ['zhipu', 'zhipuai'], catwalk: ['zhipu'] },
}

// apis says by its id what a model is for; the first that matches, else chat.
const apis = [
  ['embedding', /embed|^voyage-(?!.*rerank)/i],
  ['rerank', /rerank/i],
  ['transcription', /whisper|transcri|voxtral-mini-2602/i],
  ['speech', /-tts/i],
  ['image', /^gpt-image|^dall-e|^imagen/i],
  ['moderation', /^moderation$|^omni-moderation/i],
  ['ocr', /^mistral-ocr/i],
]

// minimums that the package keeps in its code and not in its data: Groq bills
// at least ten seconds of audio.
const minimums = (provider, model) =>
  provider === 'groq' && /^whisper-large-v3(-turbo)?$/.test(model)
    ? { audio_seconds: 10, input_audio_seconds: 10 }
    : undefined

// decimal writes a float of the package as the shortest decimal text that reads
// back as it, which is what its authors wrote.
function decimal(price) {
  const text = String(price)
  if (!/^\d+(\.\d+)?$/.test(text)) throw new Error(`${text} is not a plain decimal`)
  return text
}

function price(value) {
  if (typeof value === 'number') return decimal(value)
  const tiers = [...value.tiers].sort((a, b) => a.start - b.start)
  return [decimal(value.base), ...tiers.map((t) => [t.start, decimal(t.price)])]
}

const seconds = (time) => {
  const m = /^(\d\d):(\d\d):(\d\d)Z$/.exec(time)
  if (!m) throw new Error(`time of day ${time} is not in UTC and whole seconds`)
  return m[1] * 3600 + m[2] * 60 + +m[3]
}

function when(constraint) {
  switch (constraint?.type) {
    case undefined:
      return {}
    case 'start_date':
      return { from: constraint.start_date }
    case 'time_of_date':
      return { daily: [seconds(constraint.start_time), seconds(constraint.end_time)] }
  }
  throw new Error(`unknown constraint ${JSON.stringify(constraint)}`)
}

// rule copies a match rule, lower-cased as the package compares; a negative
// lookahead, which Go's expressions lack, becomes {not: rule}.
function rule(match) {
  const [[kind, value]] = Object.entries(match)
  if (kind === 'or' || kind === 'and') return value.length === 1 ? rule(value[0]) : { [kind]: value.map(rule) }
  if (kind !== 'regex') return { [kind]: value.toLowerCase() }
  const lookahead = /^\^\(\?!(.*)\)$/.exec(value)
  return lookahead ? { not: { regex: '^' + lookahead[1] } } : { regex: value }
}

const used = new Set()
const usedUnits = () => {
  const within = (u, v) =>
    u !== v && Object.entries(unitData[v].dimensions).every(([k, x]) => unitData[u].dimensions[k] === x)
  const all = [...used].sort()
  return Object.fromEntries(
    all.map((u) => {
      const ancestors = all.filter((v) => within(u, v))
      return [u, { per: unitData[u].per, within: ancestors.length ? ancestors : undefined }]
    }),
  )
}

function prices(model) {
  return priceList(model).map((entry) => ({
    ...when(entry.constraint),
    usd: Object.fromEntries(
      Object.entries(entry.prices).map(([key, value]) => {
        used.add(usageKey(key))
        return [usageKey(key), price(value)]
      }),
    ),
  }))
}

const catwalk = JSON.parse(readFileSync('catwalk.json', 'utf8'))
const abilities = (m) => ({
  window: m.context_window || undefined,
  max_output: m.default_max_tokens || undefined,
  vision: m.supports_attachments,
  reasoning: m.can_reason,
})

// metadata gives catwalk's models that the package can price: those under the
// package's own id, and the concrete names that a rule of it matches.
function metadata(provider) {
  const own = new Map()
  const also = new Map()
  for (const id of names[provider.id]?.catwalk ?? [])
    for (const m of catwalk.providers.find((p) => p.id === id)?.models ?? []) {
      const priced = matchedModel(provider.id, m.id)
      if (!priced || also.has(m.id)) continue
      if (priced === m.id) own.set(m.id, abilities(m))
      else {
        also.set(m.id, { id: m.id, name: m.name, ...abilities(m) })
        if (!own.has(priced)) own.set(priced, abilities(m))
      }
    }
  return { own, also: [...also.values()] }
}

// Fine-tunes and prefixes of them are rules, not names that a client can call.
const pattern = (id) => /^ft:|-$/.test(id)

const providers = providerData.map((provider) => {
  const { own, also } = metadata(provider)
  const [name, ...aliases] = names[provider.id]?.as ?? [provider.id]
  return {
    name,
    aliases: aliases.length ? aliases : undefined,
    source: provider.id === name ? undefined : provider.id,
    fallback: provider.fallback_model_providers?.map((id) => names[id]?.as[0] ?? id),
    models: provider.models.map((model) => {
      const known = own.get(model.id)
      return {
        id: model.id,
        name: model.name === model.id ? undefined : model.name,
        about: model.description,
        api: apis.find(([, ids]) => ids.test(model.id))?.[0],
        match: rule(model.match),
        unlisted: model.deprecated || pattern(model.id) || undefined,
        ...known,
        window: known?.window ?? model.context_window,
        minimum: minimums(provider.id, model.id),
        prices: prices(model),
      }
    }),
    also: also.length ? also : undefined,
  }
})

// One model a line, so that an update can be reviewed as a diff.
const line = (value) => JSON.stringify(value)
const list = (values) => '[\n' + values.map(line).join(',\n') + '\n]'
const out = providers.map(({ models, also, ...head }) => {
  const rest = also ? `,"also":${list(also)}` : ''
  return `${line(head).slice(0, -1)},"models":${list(models)}${rest}}`
})
process.stdout.write(
  `{"prices":${line('genai-prices/' + version)},"metadata":${line('catwalk/' + catwalk.version.slice(1))},\n` +
    `"units":${line(usedUnits())},\n"providers":[\n${out.join(',\n')}\n]}\n`,
)
