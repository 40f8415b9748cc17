// The library with its data, which it does not export by name: its module's
// text gets one export line more. The two constants are found by what they
// hold, and a version in which they are not there stops the run.
import { readFileSync, writeFileSync } from 'node:fs'

const folder = 'node_modules/@pydantic/genai-prices/'
const source = readFileSync(folder + 'dist/index.js', 'utf8')
const one = (pattern) => {
  const found = [...source.matchAll(pattern)]
  if (found.length !== 1) throw new Error(`${found.length} places match ${pattern}: the package's build has changed`)
  return found[0][1]
}
const providers = one(/^let \w+ = (\w+), \w+ = Promise\.resolve\(\1\)/gm)
const units = one(/^const \w+ = new \w+\((\w+)\);$/gm)
writeFileSync('library-with-data.mjs', source + `\nexport { ${providers} as providerData, ${units} as unitData }\n`)

const library = await import('./library-with-data.mjs')
export const { calcPrice, providerData, unitData } = library
export const version = JSON.parse(readFileSync(folder + 'package.json', 'utf8')).version

// priceList gives a model's prices as a list of {constraint, prices} in the
// package's order: the last one that holds wins, the first is the default.
export const priceList = (model) => (Array.isArray(model.prices) ? model.prices : [{ prices: model.prices }])

// usageKey is the name of the unit that a price key such as input_mtok prices.
const byPriceKey = new Map(Object.entries(unitData).map(([usage, u]) => [u.price_key ?? usage, usage]))
export const usageKey = (priceKey) => {
  const key = byPriceKey.get(priceKey)
  if (!key) throw new Error(`unknown price key ${priceKey}`)
  return key
}

// matchedModel is the id of the model that the package prices name as.
export const matchedModel = (provider, name) =>
  calcPrice({ input_tokens: 0, output_tokens: 0 }, name, { providerId: provider })?.model.id
