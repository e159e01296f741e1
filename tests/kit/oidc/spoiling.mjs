// An issuer whose tokens are spoiled on their way, the real `oauth2-mock-server`, on loopback over TLS:
// `node spoiling.mjs KEY CERTIFICATES`. It writes its port, and ends with its input. A token is asked for at /token with
// `claims`, `head` (JSON, over what it would say; null takes a claim away) and `wreck`, what is done once it is signed.
import { createHmac, createPublicKey } from 'node:crypto'
import { OAuth2Server } from 'oauth2-mock-server'

const server = new OAuth2Server(...process.argv.slice(2))
await server.issuer.keys.generate('RS256', { kid: 'one' })

const part = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const [key] = server.issuer.keys.toJSON()
const pem = createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' })

const wrecks = {
  none: (claims) => `${part({ alg: 'none', kid: 'one', typ: 'JWT' })}.${claims}.`,
  confused: (claims) => {
    const said = `${part({ alg: 'HS256', kid: 'one', typ: 'JWT' })}.${claims}`
    return `${said}.${createHmac('sha256', pem).update(said).digest('base64url')}`
  },
  swapped: (claims, head, signature) => {
    const told = JSON.parse(Buffer.from(claims, 'base64url'))
    return `${head}.${part({ ...told, exp: told.exp + 1 })}.${signature}`
  },
  unsigned: (claims, head) => `${head}.${claims}.`
}

server.service.on('beforeTokenSigning', (token, request) => {
  Object.assign(token.header, JSON.parse(request.body.head))
  for (const [name, value] of Object.entries(JSON.parse(request.body.claims))) {
    if (value === null) delete token.payload[name]
    else token.payload[name] = value
  }
})
server.service.on('beforeResponse', (response, request) => {
  const [head, claims, signature] = response.body.access_token.split('.')
  const wreck = wrecks[request.body.wreck]
  if (wreck) response.body.access_token = wreck(claims, head, signature)
})

await server.start(0, '127.0.0.1')
console.log(JSON.stringify({ port: server.address().port }))
process.stdin.on('end', () => process.exit(0)).resume()
