// A directory of OpenID Connect, the real `oidc-provider`, on loopback over TLS: `node server.mjs KEY CERTIFICATES`.
// It writes its port, and after each line on standard input it signs with a new key, and says so; it ends with its input.
import { createInterface } from 'node:readline'
import { createServer } from 'node:https'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Provider } from 'oidc-provider'

// What it advises whoever would run it for real.
console.info = console.warn = () => {}

const MOUNT = '/realm/v2.0'
const [key, cert] = process.argv.slice(2).map((path) => readFileSync(path))
const asked = []
let answer

const server = createServer({ key, cert }, (request, response) => {
  asked.push(request.url)
  request.originalUrl = request.url
  request.url = request.url.slice(MOUNT.length) || '/'
  answer(request, response)
})

function sign (port) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const provider = new Provider(`https://localhost:${port}${MOUNT}`, {
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' }] },
    clients: ['portal', 'stranger'].map((id) => ({
      client_id: id,
      client_secret: `${id}-secret`,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      token_endpoint_auth_method: 'client_secret_post'
    })),
    scopes: ['relay.call'],
    cookies: { keys: [randomUUID()] },
    ttl: { ClientCredentials: 600 },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'https://relay.example',
        getResourceServerInfo: () => ({
          audience: 'https://relay.example', scope: 'relay.call', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } }
        })
      }
    }
  })
  answer = provider.callback()
}

server.listen(0, '127.0.0.1', () => {
  sign(server.address().port)
  console.log(JSON.stringify({ port: server.address().port }))
  const lines = createInterface({ input: process.stdin })
  lines.on('line', (line) => {
    if (line === 'rotate') sign(server.address().port)
    console.log(JSON.stringify({ asked: asked.splice(0) }))
  })
  lines.on('close', () => process.exit(0))
})
