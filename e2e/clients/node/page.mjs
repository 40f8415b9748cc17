// Opens the reference page of a gateway in Chromium, gives it a key and makes the calls that it offers, as
// a reader would. Prints {problems, calls: {operation: status}} as JSON.
// Input by environment: WEIR_URL, WEIR_KEY, WEIR_CHROMIUM (the browser), WEIR_OPERATIONS (tag/id, parted by commas).
import { chromium } from "playwright-core";

const { WEIR_URL: gateway, WEIR_KEY: key, WEIR_CHROMIUM: executablePath, WEIR_OPERATIONS: operations } = process.env;
const problems = [], calls = {};

const browser = await chromium.launch({ executablePath });
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  page.on("console", m => { if (["error", "warning"].includes(m.type())) problems.push(`the console says: ${m.text()}`); });
  page.on("pageerror", e => problems.push(`the page throws: ${e.message}`));
  page.on("requestfailed", r => problems.push(`${r.url()} failed: ${r.failure()?.errorText}`));
  page.on("request", r => { if (!r.url().startsWith(`${gateway}/`) && !r.url().startsWith("data:")) problems.push(`${r.url()} is asked for`); });

  await page.goto(`${gateway}/docs`);
  const press = what => what.dispatchEvent("click"); // a real click waits for frames, of which a busy machine draws few
  await press(page.locator(".auth-wrapper .authorize"));
  await page.fill("[id=auth-bearer-value]", key);
  await press(page.locator(".dialog-ux .auth-container", { has: page.locator("[id=auth-bearer-value]") }).locator(".authorize"));
  await press(page.locator(".dialog-ux .close-modal"));

  for (const named of operations.split(",")) {
    const [tag, id] = named.split("/");
    const operation = page.locator(`.opblock[id="operations-${tag.replaceAll(" ", "_")}-${id}"]`);
    if (!await operation.isVisible()) await press(page.locator(`.opblock-tag[data-tag="${tag}"]`));
    await press(operation.locator(".opblock-summary-control"));
    await operation.locator(".execute").click(); // a real one: only then has the page filled in the example
    calls[id] = Number(await operation.locator(".live-responses-table .response .response-col_status").innerText());
  }
  if (await page.evaluate(() => localStorage.length + sessionStorage.length + document.cookie.length)) problems.push("the page keeps something in the browser");
} catch (e) {
  problems.push(String(e));
} finally {
  await browser.close();
}
console.log(JSON.stringify({ problems, calls }));
