/** Ask the gateway by POST, with a session's token where it takes one: no cookie goes along, and no answer is kept. */
export function post(path, body, token) {
  const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
  return fetch(path, { method: "POST", headers, body: JSON.stringify(body), cache: "no-store", credentials: "omit" });
}
