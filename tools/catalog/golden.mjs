// Writes golden.json to standard output: what the package's own calcPrice says
// for many names, usages and moments, in its own terms (input_tokens includes
// what was read from and written to a cache, output_tokens the reasoning).
import { calcPrice, priceList, providerData, usageKey } from './library.mjs'

// A fixed moment, so that two runs write the same bytes.
const noon = '2026-11-22T12:00:00.000Z'

const usages = [
  { input_tokens: 1000, output_tokens: 100 },
  { input_tokens: 123457, cache_read_tokens: 23456, cache_write_tokens: 3457, output_tokens: 7891, output_reasoning_tokens: 1234 },
  { input_tokens: 999983, cache_read_tokens: 400003, cache_write_tokens: 99991, output_tokens: 65521, output_reasoning_tokens: 32003 },
]
const ofUnit = {
  cache_write_1h_tokens: { input_tokens: 20011, cache_read_tokens: 7001, cache_write_tokens: 9001, cache_write_1h_tokens: 5003, output_tokens: 101 },
  input_audio_tokens: { input_tokens: 10007, input_audio_tokens: 3001, cache_read_tokens: 4003, cache_audio_read_tokens: 1009, output_tokens: 2003, output_audio_tokens: 503 },
  output_audio_tokens: { input_tokens: 107, output_tokens: 2003, output_audio_tokens: 1999 },
  input_image_tokens: { input_tokens: 5003, input_image_tokens: 3001, cache_read_tokens: 1009, cache_image_read_tokens: 501, output_tokens: 1511, output_image_tokens: 1290 },
  output_image_tokens: { input_tokens: 53, output_tokens: 1511, output_image_tokens: 1290 },
  input_video_tokens: { input_tokens: 70001, input_video_tokens: 60013, output_tokens: 103 },
  output_video_tokens: { input_tokens: 71, output_tokens: 50021, output_video_tokens: 50021 },
  output_citation_tokens: { input_tokens: 401, output_tokens: 3001, output_citation_tokens: 1201, output_reasoning_tokens: 700, web_searches: 4 },
  web_searches: { input_tokens: 1013, output_tokens: 211, web_searches: 3 },
  storage_searches: { input_tokens: 1013, output_tokens: 211, storage_searches: 7 },
  audio_seconds: { audio_seconds: 607, input_audio_seconds: 601 },
  input_audio_seconds: { audio_seconds: 7, input_audio_seconds: 7 },
  input_document_pages: { input_document_pages: 13 },
  input_annotated_document_pages: { input_document_pages: 13, input_annotated_document_pages: 5 },
  input_text_messages: { input_text_messages: 11, audio_seconds: 61 },
}
const special = Object.fromEntries(Object.entries(ofUnit).map(([unit, usage]) => [unit, usages.push(usage) - 1]))

const starts = new Map()
for (const provider of providerData)
  for (const model of provider.models)
    for (const { prices } of priceList(model))
      for (const value of Object.values(prices))
        for (const { start } of value.tiers ?? [])
          if (!starts.has(start)) {
            const at = (n) => usages.push({ input_tokens: n, cache_read_tokens: 1001, cache_write_tokens: 503, output_tokens: 997 }) - 1
            starts.set(start, [at(start), at(start + 1)])
          }

// moments around every change of a model's price.
function moments(model) {
  const found = []
  for (const { constraint } of priceList(model)) {
    if (constraint?.type === 'start_date') {
      const change = Date.parse(constraint.start_date)
      found.push(change - 1, change, change + 12 * 3600e3 + 123)
    }
    if (constraint?.type === 'time_of_date')
      for (const edge of [constraint.start_time, constraint.end_time])
        for (const day of ['2026-08-16', '2026-11-21'])
          for (const shift of [-1, 0, 1000]) found.push(Date.parse(`${day}T${edge}`) + shift)
  }
  return [...new Set(found)].map((ms) => new Date(ms).toISOString())
}

// samples are names that a rule speaks about, met or narrowly missed.
function* samples(match) {
  const [[kind, value]] = Object.entries(match)
  switch (kind) {
    case 'or':
    case 'and':
      for (const part of value) yield* samples(part)
      break
    case 'equals':
      yield value
      break
    case 'starts_with':
      yield value + '-2026-05-14'
      yield value + '-20260514'
      break
    case 'ends_with':
      yield 'zz/' + value
      break
    case 'contains':
      yield 'EU.' + value + '-zz'
      break
    case 'regex':
      yield value.replace(/^\^/, '').replace(/\$$/, '').replaceAll('\\d{8}', '20260514').replaceAll('\\d{4}-\\d{2}-\\d{2}', '2026-05-14').replaceAll('\\d', '7').replaceAll('\\', '')
      break
  }
}

const out = {}
for (const provider of providerData) {
  const rows = []
  const seen = new Set()
  const add = (name, usage, moment) => {
    const key = `${name}\n${usage}\n${moment}`
    if (seen.has(key)) return
    seen.add(key)
    let got
    try {
      got = calcPrice(usages[usage], name, { providerId: provider.id, timestamp: new Date(moment ?? noon) })
    } catch {
      return // a usage that contradicts this model's units: not a case of ours
    }
    const row = [name, usage, got ? got.model.id : null, got ? String(got.total_price) : null]
    rows.push(moment ? [...row, moment] : row)
  }
  for (const model of provider.models) {
    add(model.id, 1)
    for (const { prices } of priceList(model))
      for (const [key, value] of Object.entries(prices)) {
        if (special[usageKey(key)] !== undefined) add(model.id, special[usageKey(key)])
        if (value.tiers) for (const usage of [2, ...starts.get(value.tiers[0].start)]) add(model.id, usage)
      }
    for (const moment of moments(model)) add(model.id, 1, moment)
    for (const name of samples(model.match)) if (name !== model.id) add(name, 0)
  }
  add('no-such-model-anywhere', 0)
  out[provider.id] = rows
}
const blocks = Object.entries(out).map(
  ([id, rows]) => `${JSON.stringify(id)}:[\n${rows.map((r) => JSON.stringify(r)).join(',\n')}\n]`,
)
process.stdout.write(
  `{"at":${JSON.stringify(noon)},\n"usages":[\n${usages.map((u) => JSON.stringify(u)).join(',\n')}\n],\n"cases":{\n${blocks.join(',\n')}\n}}\n`,
)
